// How exactly a meter keeps its rate.
#include "upf-dataplane/session/meter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sluice::upf {
namespace {

constexpr uint64_t kTicksPerSecond = 2'600'000'000;  // of a usual processor

// What passes of packets offered at twice the rate for so many seconds, as a share of the rate. The
// bucket is drained first: what is measured is the rate and not the burst.
double passed_share(uint64_t kbps, uint32_t bytes, double seconds, uint64_t start) {
  Meter meter;
  meter.set_rate(kbps, kTicksPerSecond);
  while (meter.take(bytes, start, false)) {
  }
  const double packets_per_second = static_cast<double>(kbps) * 1000 / 8 / bytes;
  const auto offered = static_cast<uint64_t>(2 * packets_per_second * seconds);
  const double ticks = static_cast<double>(kTicksPerSecond) / (2 * packets_per_second);
  uint64_t passed = 0;
  for (uint64_t i = 1; i <= offered; ++i) {
    const uint64_t now = start + static_cast<uint64_t>(static_cast<double>(i) * ticks);
    if (meter.take(bytes, now, false)) ++passed;
  }
  return static_cast<double>(passed) / (packets_per_second * seconds);
}

TEST(Meter, keeps_every_rate_for_small_and_large_packets) {
  struct Case {
    uint64_t kbps;
    double seconds;
  };
  for (const auto& [kbps, seconds] : std::vector<Case>{{100, 60},
                                                       {1'000, 10},
                                                       {64'123, 1},
                                                       {1'000'000, 0.05},
                                                       {10'000'000, 0.01},
                                                       {100'000'000, 0.001}}) {
    for (const uint32_t bytes : {40U, 1500U}) {
      EXPECT_NEAR(passed_share(kbps, bytes, seconds, 12'345'678'901), 1, 0.02)
          << kbps << " kb/s, " << bytes << " bytes";
    }
  }
}

TEST(Meter, does_not_mind_the_clock_going_round) {
  // The word has 54 bits for whole ticks; the last second before they wrap.
  const uint64_t before_wrap = (uint64_t{1} << 54) - kTicksPerSecond / 2;
  EXPECT_NEAR(passed_share(10'000, 1500, 1, before_wrap), 1, 0.02);
}

TEST(Meter, gives_a_bounded_burst_after_any_silence) {
  Meter meter;
  meter.set_rate(8'000, kTicksPerSecond);  // a byte a microsecond; 15 ms are 15,000 bytes
  uint64_t now = 0;
  for (const uint64_t silence : {uint64_t{1}, uint64_t{60}, uint64_t{3'000'000}}) {
    now += silence * kTicksPerSecond;
    uint32_t burst = 0;
    while (meter.take(1000, now, false)) ++burst;
    EXPECT_EQ(burst, 15U) << "after " << silence << " s";
  }
}

TEST(Meter, passes_nothing_at_rate_0_and_a_giant_now_and_then) {
  Meter meter;
  EXPECT_FALSE(meter.take(40, 5, false)) << "no rate yet";
  meter.set_rate(0, kTicksPerSecond);
  EXPECT_FALSE(meter.take(40, 5, false));
  meter.set_rate(800, kTicksPerSecond);  // 100 bytes a millisecond, bucket of 3000
  constexpr uint64_t kMs = kTicksPerSecond / 1000;
  EXPECT_TRUE(meter.take(9000, 1000 * kMs, false)) << "larger than the bucket";
  EXPECT_FALSE(meter.take(100, 1059 * kMs, false)) << "60 ms are still owed";
  EXPECT_TRUE(meter.take(100, 1062 * kMs, false));
}

TEST(Meter, takes_back_what_was_not_used) {
  Meter meter;
  meter.set_rate(8, kTicksPerSecond);
  EXPECT_TRUE(meter.take(1500, 100, false));
  EXPECT_TRUE(meter.take(1500, 100, false));
  EXPECT_FALSE(meter.take(1500, 100, false));
  meter.give_back(1500, false);
  EXPECT_TRUE(meter.take(1500, 100, false));
  meter.give_back(1500, true);
  EXPECT_TRUE(meter.take(1500, 100, true));
}

TEST(Meter, is_shared_without_losing_or_inventing_bytes) {
  Meter meter;
  meter.set_rate(1'000'000, kTicksPerSecond);  // bucket: 1,875,000 bytes
  std::atomic<uint64_t> passed{0};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 2; ++i) {
      workers.emplace_back([&] {
        for (int n = 0; n < 20'000; ++n) passed += meter.take(100, 1'000'000, true) ? 100 : 0;
      });
    }
  }
  EXPECT_EQ(passed, 1'875'000U);
}

TEST(PacketLimitTest, a_worker_whose_time_is_a_little_older_does_not_start_the_count_over) {
  constexpr uint64_t kSecond = kTicksPerSecond;
  PacketLimit limit;
  limit.set(3, kSecond);
  ASSERT_TRUE(limit.take(kSecond, true));
  const uint64_t older = kSecond - (uint64_t{1} << 17);
  EXPECT_TRUE(limit.take(older, true));
  EXPECT_EQ(limit.status(older).left, 1);
  EXPECT_LE(limit.status(older).ticks, kSecond);
  EXPECT_TRUE(limit.take(kSecond, true));
  EXPECT_FALSE(limit.take(older, true));
  EXPECT_FALSE(limit.take(kSecond + 1, true));
  EXPECT_TRUE(limit.take(2 * kSecond + 1, true));
}

}  // namespace
}  // namespace sluice::upf
