// How exactly rates are kept: users' packets go through the pipeline, and through the shaper of the
// port they leave by, in simulated time. Prints a table and, as its last line, one JSON object.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/command_line.h"
#include "upf-dataplane/qos/port_shaper.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using testing::TestSite;

constexpr uint64_t kSecond = 1'000'000'000;  // in ticks: nanoseconds
constexpr QerId kRate{9};
constexpr size_t kHeaders = 28;  // IPv4 and UDP

// One UE's downlink: its packets by the pipeline, at times of our choosing.
class Flow {
 public:
  Flow(TestSite& site, uint32_t ue, uint32_t inner_bytes, std::optional<uint64_t> mbr_kbps,
       std::optional<uint64_t> gbr_kbps)
      : site_(site), inner_bytes_(inner_bytes) {
    SessionSpec spec = site.ue_session(ue);
    if (mbr_kbps || gbr_kbps) {
      Qer& qer = spec.qers[kRate];
      qer.id = kRate;
      if (mbr_kbps) qer.mbr = BitRates{*mbr_kbps, *mbr_kbps};
      if (gbr_kbps) qer.gbr = BitRates{*gbr_kbps, *gbr_kbps};
      spec.pdrs.at(PdrId(2)).qers.push_back(kRate);
    }
    if (const auto done = site.sessions->install(spec); !done) {
      throw std::runtime_error(done.error().to_string());
    }
    site.answer(testing::kN3, "192.168.3.2", testing::kGnbMac);
    frame_ = testing::eth(testing::kOwnMac, testing::kGatewayMac)
                 .ipv4("198.51.100.7", TestSite::ue_v4(ue).to_string())
                 .udp(443, 4000)
                 .payload(std::vector<uint8_t>(inner_bytes - kHeaders))
                 .frame();
    buffer_.resize(kHeadroom + frame_.size());
  }

  uint32_t inner_bytes() const { return inner_bytes_; }

  Packet send(uint64_t now) {
    std::ranges::copy(frame_, buffer_.begin() + kHeadroom);
    Packet packet{.data = buffer_.data() + kHeadroom,
                  .length = static_cast<uint32_t>(frame_.size()),
                  .headroom = kHeadroom,
                  .in_port = testing::kN6};
    site_.pipeline->process({&packet, 1}, now);
    return packet;
  }

 private:
  static constexpr uint16_t kHeadroom = 128;
  TestSite& site_;
  uint32_t inner_bytes_;
  std::vector<uint8_t> frame_;
  std::vector<uint8_t> buffer_;
};

// How far, in percent, what passes is from an MBR when twice as much is offered, `burst` packets at
// a time.
double mbr_error(uint64_t kbps, uint32_t bytes, uint32_t burst) {
  TestSite site;
  Flow flow(site, 2, bytes, kbps, {});
  const double bits = bytes * 8.0;
  // Enough packets that one more or less is nothing, and more than a full bucket before.
  const auto whole = [burst](uint64_t count) { return (count / burst + 1) * burst; };
  const uint64_t packets = whole(std::max<uint64_t>(8000, kbps * 50 / (bytes * 8)));
  const double gap = bits * burst / (2.0 * static_cast<double>(kbps) * 1000) * kSecond;
  const uint64_t warm = whole(4 * std::max<uint64_t>(kbps * 15 / 8, 3000) / bytes);
  double now = kSecond;
  double from = 0;
  uint64_t passed = 0;
  for (uint64_t i = 0; i < warm + packets; ++i) {
    if (i % burst == 0) now += gap;
    if (i == warm) from = now;
    const bool sent = flow.send(static_cast<uint64_t>(now)).verdict == Verdict::kSend;
    passed += i >= warm && sent ? 1U : 0U;
  }
  const double rate = static_cast<double>(passed) * bits / ((now + gap - from) / kSecond);
  return 100 * std::abs(rate / (static_cast<double>(kbps) * 1000) - 1);
}

struct Shares {
  double guaranteed = 0;  // of the guaranteed rate, percent
  double fairness = 0;    // of the others, Jain's index
  double used = 0;        // of the port, percent
};

// Ten users offer twice what the port towards them carries, all alike; one is guaranteed what it
// offers.
Shares overload(uint64_t capacity_kbps, uint32_t bytes) {
  constexpr size_t kUsers = 10;
  constexpr uint64_t kWireBytes = 58;  // Ethernet, IPv4, UDP and GTP-U with its container
  TestSite site;
  PortCapacity capacity(capacity_kbps, kSecond);
  PortShaper shaper(capacity);
  const double offered_bps = 2.0 * static_cast<double>(capacity_kbps) * 1000 / kUsers;
  const double inner_bps = offered_bps * bytes / static_cast<double>(bytes + kWireBytes);
  std::vector<Flow> flows;
  for (uint32_t i = 0; i < kUsers; ++i) {
    flows.emplace_back(
        site, i + 2, bytes, std::nullopt,
        i == 0 ? std::optional(static_cast<uint64_t>(inner_bps / 1000) + 1) : std::nullopt);
  }
  std::array<double, kUsers> sent{};
  const double gap = static_cast<double>(bytes + kWireBytes) * 8 / offered_bps * kSecond;
  const auto rounds = std::clamp<uint64_t>(static_cast<uint64_t>(2 * kSecond / gap), 2000, 100'000);
  double now = kSecond;
  double start = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    if (round == rounds / 4) {
      start = now;
      sent = {};
    }
    for (size_t user = 0; user < kUsers; ++user) {
      now += gap / kUsers;
      const auto ticks = static_cast<uint64_t>(now);
      const Packet packet = flows[user].send(ticks);
      if (packet.verdict != Verdict::kSend) throw std::runtime_error("a packet was not forwarded");
      if (shaper.pass(packet.length, packet.guaranteed, ticks)) {
        sent[user] += packet.length;
      } else {
        (void)shaper.wait(&sent[user], packet.length, packet.slot);
      }
      std::array<void*, 64> out;
      while (const size_t count = shaper.take(out, ticks)) {
        for (size_t i = 0; i < count; ++i) {
          *static_cast<double*>(out[i]) += static_cast<double>(bytes + kWireBytes);
        }
      }
    }
  }
  const double seconds = (now - start) / kSecond;
  double sum = 0;
  double squares = 0;
  for (size_t user = 1; user < kUsers; ++user) {
    sum += sent[user];
    squares += sent[user] * sent[user];
  }
  return {.guaranteed = 100 * sent[0] * 8 / seconds / offered_bps,
          .fairness = sum * sum / ((kUsers - 1) * squares),
          .used = 100 * (sum + sent[0]) * 8 / seconds / (static_cast<double>(capacity_kbps) * 1e3)};
}

int run(bool quick) {
  std::printf("MBR with twice the rate offered: error in percent\n%14s %8s %10s %10s\n", "kb/s",
              "bytes", "steady", "bursts");
  double worst = 0;
  for (const uint64_t kbps : {100UL, 1'000UL, 10'000UL, 100'000UL, 1'000'000UL, 10'000'000UL}) {
    if (quick && kbps > 1'000'000) continue;
    for (const uint32_t bytes : {40U, 1500U}) {
      const double steady = mbr_error(kbps, bytes, 1);
      // As many at once as a full bucket passes, whatever the rate.
      const double bursts = mbr_error(kbps, bytes, bytes == 1500 ? 2 : 64);
      worst = std::max({worst, steady, bursts});
      std::printf("%14lu %8u %10.3f %10.3f\n", kbps, bytes, steady, bursts);
    }
  }
  std::printf("\nTen users offer twice what the port carries, one of them guaranteed\n");
  std::printf("%14s %8s %14s %14s %10s\n", "port, kb/s", "bytes", "guaranteed, %", "others, Jain",
              "used, %");
  double least = 100;
  for (const uint64_t kbps : {10'000UL, 100'000UL, 1'000'000UL, 10'000'000UL}) {
    for (const uint32_t bytes : {100U, 1400U}) {
      const Shares shares = overload(kbps, bytes);
      least = std::min(least, shares.guaranteed);
      std::printf("%14lu %8u %14.2f %14.4f %10.2f\n", kbps, bytes, shares.guaranteed,
                  shares.fairness, shares.used);
    }
  }
  const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  std::cout << nlohmann::json{{"mbr_error_pct_max", rounded(worst)},
                              {"guaranteed_share_pct_min", rounded(least)}}
                   .dump()
            << '\n';
  return 0;
}

}  // namespace
}  // namespace sluice::upf

int main(int argc, char** argv) {
  sluice::CommandLine line("upf_qos", "How exactly the user plane keeps rates and guarantees");
  bool quick = false;
  line.flag("--quick", &quick, "Leave out the slowest case");
  if (const auto code = line.parse(argc, argv)) return *code;
  return sluice::upf::run(quick);
}
