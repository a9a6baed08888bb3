#include "upf-dataplane/qos/port_shaper.h"

#include <gtest/gtest.h>

#include <map>

namespace sluice::upf {
namespace {

constexpr uint64_t kTicks = 1'000'000'000;  // a second
constexpr uint64_t kMillisecond = kTicks / 1000;

// Flows that send steadily to one port, in simulated time. Frames carry their flow's number.
struct Flow {
  uint64_t kbps;
  uint32_t bytes;
  bool guaranteed = false;
};

struct Sent {
  std::vector<uint64_t> bytes;
  uint64_t refused = 0;
};

Sent run(uint64_t capacity_kbps, const std::vector<Flow>& flows, uint64_t milliseconds,
         size_t workers = 1) {
  PortCapacity capacity(capacity_kbps, kTicks);
  std::vector<PortShaper> shapers(workers, PortShaper(capacity));
  std::vector<uint64_t> due(flows.size());  // bits that a flow may still send
  Sent sent{std::vector<uint64_t>(flows.size())};
  std::map<void*, size_t> whose;
  for (size_t i = 0; i < flows.size(); ++i) whose[reinterpret_cast<void*>(i + 1)] = i;
  const uint64_t step = kMillisecond / 10;
  for (uint64_t now = step; now < milliseconds * kMillisecond; now += step) {
    for (size_t i = 0; i < flows.size(); ++i) {
      const Flow& flow = flows[i];
      PortShaper& shaper = shapers[i % workers];
      due[i] += flow.kbps / 10;
      for (; due[i] >= uint64_t{flow.bytes} * 8; due[i] -= uint64_t{flow.bytes} * 8) {
        if (shaper.pass(flow.bytes, flow.guaranteed, now)) {
          sent.bytes[i] += flow.bytes;
        } else if (!shaper.wait(reinterpret_cast<void*>(i + 1), flow.bytes,
                                static_cast<uint32_t>(i))) {
          ++sent.refused;
        }
      }
    }
    for (auto& shaper : shapers) {
      void* out[64];
      size_t count = 0;
      do {
        count = shaper.take(out, now);
        for (size_t k = 0; k < count; ++k) sent.bytes[whose[out[k]]] += flows[whose[out[k]]].bytes;
      } while (count == 64);
    }
  }
  return sent;
}

double mbps(uint64_t bytes, uint64_t milliseconds) {
  return static_cast<double>(bytes) * 8 / static_cast<double>(milliseconds) / 1000;
}

TEST(PortShaper, sends_what_the_port_carries_and_no_more) {
  for (const uint64_t kbps : {10'000UL, 100'000UL, 1'000'000UL, 10'000'000UL}) {
    for (const uint32_t bytes : {64U, 1500U}) {
      const uint64_t milliseconds = kbps >= 1'000'000 ? 100 : 1000;
      const Sent sent = run(kbps, {{2 * kbps, bytes}}, milliseconds);
      const double share = mbps(sent.bytes[0], milliseconds) / (static_cast<double>(kbps) / 1000);
      EXPECT_GT(share, 0.97) << kbps << " kb/s, " << bytes;
      EXPECT_LT(share, 1.03) << kbps << " kb/s, " << bytes;
      EXPECT_GT(sent.refused, 0U);
    }
  }
}

TEST(PortShaper, keeps_nothing_waiting_below_its_capacity) {
  const Sent sent = run(100'000, {{40'000, 1500}, {40'000, 200}}, 1000);
  EXPECT_EQ(sent.refused, 0U);
  EXPECT_NEAR(mbps(sent.bytes[0], 1000), 40, 1);
  EXPECT_NEAR(mbps(sent.bytes[1], 1000), 40, 1);
}

TEST(PortShaper, gives_guaranteed_traffic_its_rate_and_shares_the_rest) {
  // Twice what the port carries; the greedy one gets no more than the modest ones.
  const std::vector<Flow> flows = {
      {30'000, 1000, true}, {100'000, 1500}, {35'000, 1500}, {35'000, 300}};
  for (const size_t workers : {1UL, 2UL}) {
    const Sent sent = run(100'000, flows, 2000, workers);
    EXPECT_NEAR(mbps(sent.bytes[0], 2000), 30, 0.3);
    double rest = 0;
    for (size_t i = 1; i < flows.size(); ++i) rest += mbps(sent.bytes[i], 2000);
    EXPECT_NEAR(rest, 70, 2.5) << workers << " workers";
    if (workers > 1) continue;  // each serves its own sessions in turns
    for (size_t i = 1; i < flows.size(); ++i) {
      EXPECT_NEAR(mbps(sent.bytes[i], 2000), 70.0 / 3, 1) << i;
    }
  }
}

TEST(PortShaper, leaves_places_for_others_when_one_floods) {
  PortCapacity capacity(1000, kTicks);
  PortShaper shaper(capacity);
  size_t flood = 0;
  while (shaper.wait(&capacity, 1000, 1)) ++flood;
  EXPECT_LE(flood, capacity.most_waiting / 2 + 1);
  EXPECT_TRUE(shaper.wait(&capacity, 1000, 2));
}

TEST(PortShaper, gives_back_everything_that_waits_once) {
  PortCapacity capacity(1000, kTicks);
  PortShaper shaper(capacity);
  std::array<int, 100> frames{};
  for (size_t i = 0; i < frames.size(); ++i) {
    ASSERT_TRUE(shaper.wait(&frames[i], 100, static_cast<uint32_t>(i)));
  }
  std::array<void*, 64> out;
  std::map<void*, int> seen;
  while (const size_t count = shaper.give_up(out)) {
    for (size_t i = 0; i < count; ++i) ++seen[out[i]];
  }
  EXPECT_EQ(seen.size(), frames.size());
  EXPECT_EQ(shaper.waiting(), 0U);
  ASSERT_TRUE(shaper.wait(frames.data(), 100, 7));  // and can be used again
}

}  // namespace
}  // namespace sluice::upf
