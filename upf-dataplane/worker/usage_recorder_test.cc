#include "upf-dataplane/worker/usage_recorder.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::upf {
namespace {

TEST(UsageRecorder, loses_nothing_of_a_writer_that_is_late_and_counts_what_has_no_room) {
  UsageRecorder recorder(16);
  const auto visit = [](uint64_t& sum) {
    return [&sum](const UsageEntry& entry) { sum += entry.uplink_bytes; };
  };
  uint64_t sum = 0;
  recorder.add(1, 1, 5, true, 10);
  EXPECT_TRUE(recorder.take(visit(sum)));
  recorder.add(1, 1, 5, true, 10);  // has not noticed the end of the turn
  EXPECT_FALSE(recorder.take(visit(sum)));
  recorder.begin_round();
  recorder.add(1, 1, 5, true, 100);
  EXPECT_TRUE(recorder.take(visit(sum)));
  EXPECT_EQ(sum, 20U);
  recorder.begin_round();
  EXPECT_TRUE(recorder.take(visit(sum)));
  EXPECT_EQ(sum, 120U);
  for (uint32_t i = 0; i < 20; ++i) recorder.add(i, i, 5, true, 1);
  EXPECT_EQ(recorder.unattributed(), 4U);
}

TEST(UsageRecorder, hands_over_between_threads_without_losing_or_doubling) {
  constexpr uint64_t kPackets = 300'000;
  UsageRecorder recorder(256);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t i = 0; i < kPackets; ++i) {
      recorder.begin_round();
      recorder.add(static_cast<uint32_t>(i % 7), 0, 3, i % 2 == 0, 10);
    }
    done = true;
  });
  uint64_t packets = 0;
  uint64_t bytes = 0;
  const auto count = [&](const UsageEntry& entry) {
    packets += entry.uplink_packets + entry.downlink_packets;
    bytes += entry.uplink_bytes + entry.downlink_bytes;
  };
  while (!done) recorder.take(count);
  writer.join();
  for (int turn = 0; turn < 2; ++turn) {
    recorder.begin_round();
    recorder.take(count);
  }
  EXPECT_EQ(packets, kPackets);
  EXPECT_EQ(bytes, 10 * kPackets);
  EXPECT_EQ(recorder.unattributed(), 0U);
}

}  // namespace
}  // namespace sluice::upf
