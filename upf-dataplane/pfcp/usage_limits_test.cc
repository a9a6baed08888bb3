// URRs with more than one monitoring time, a number of reports, or dropped traffic to report.
#include <gtest/gtest.h>

#include "base/clock.h"
#include "upf-dataplane/pfcp/monitoring_values.h"
#include "upf-dataplane/pfcp/usage_account.h"

namespace sluice::upf::pfcp {
namespace {

using T = ReportingTriggers;
using R = UsageReportTrigger;
using I = UsageInformation;
using std::chrono::seconds;

class Bench {
 public:
  explicit Bench(const Urr& urr) : account(urr, count, now()) {}

  Instant now() const { return {clock.now(), clock.wall()}; }
  std::chrono::sys_seconds in(int s) const {
    return std::chrono::floor<seconds>(clock.wall()) + seconds(s);
  }
  void up(uint64_t bytes) {
    count.totals.uplink_bytes += bytes;
    ++count.totals.uplink_packets;
    count.last_packet = clock.now();
  }
  uint32_t due() { return account.due(count, now()); }
  std::vector<UsageReport> report(uint32_t triggers) {
    return account.report(triggers, count, now());
  }
  UsageLimits limits() const { return account.limits(count); }
  void change(const Urr& urr, const Granted& granted = {}) {
    account.change(urr, granted, count, now());
  }

  ManualClock clock;
  UsageCount count;
  UsageAccount account;
};

Urr volume_urr(uint32_t triggers, uint64_t threshold) {
  Urr urr{.id = UrrId(5), .measures_volume = true, .triggers = triggers};
  urr.volume_threshold = {.total = threshold};
  return urr;
}

TEST(UsageLimitsTest, every_monitoring_time_begins_a_part_and_brings_its_limits) {
  Bench bench(volume_urr(T::kVolumeThreshold, 1000));
  Urr urr = volume_urr(T::kVolumeThreshold, 1000);
  urr.monitoring = Monitoring{.time = bench.in(60)};
  urr.monitoring->volume_threshold = {.total = 500};
  urr.later_monitoring = {{.time = bench.in(120)}, {.time = bench.in(180)}};
  urr.later_monitoring[1].volume_threshold = {.total = 50};
  bench.change(urr);
  bench.up(1);
  bench.clock.advance(seconds(61));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell.total, 501U);
  bench.up(20);
  bench.clock.advance(seconds(60));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell.total, 501U) << "no new one: what is left of the last";
  bench.up(300);
  EXPECT_EQ(bench.account.deadline(bench.count, bench.now()).value(),
            bench.now().steady + (urr.later_monitoring[1].time - bench.clock.wall()));
  bench.clock.advance(seconds(60));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell.total, 371U);
  bench.up(50);
  ASSERT_EQ(bench.due(), R::kVolumeThreshold);
  const auto reports = bench.report(R::kVolumeThreshold);
  ASSERT_EQ(reports.size(), 4U);
  const std::vector<std::pair<uint64_t, uint8_t>> expected = {{1, I::kBefore},
                                                              {20, I::kBefore | I::kAfter},
                                                              {300, I::kBefore | I::kAfter},
                                                              {50, I::kAfter}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(reports[i].volume->bytes(), expected[i].first) << i;
    EXPECT_EQ(reports[i].side, expected[i].second) << i;
    EXPECT_EQ(reports[i].sequence, i);
    if (i > 0) {
      EXPECT_EQ(reports[i].start, reports[i - 1].end);
    }
  }
  EXPECT_FALSE(bench.account.deadline(bench.count, bench.now()));
}

TEST(UsageLimitsTest, an_update_that_changes_a_limit_is_newer_than_a_monitoring_time) {
  Bench bench(volume_urr(T::kVolumeThreshold, 1000));
  Urr urr = volume_urr(T::kVolumeThreshold, 1000);
  urr.monitoring = Monitoring{.time = bench.in(10)};
  urr.monitoring->volume_threshold = {.total = 500};
  urr.later_monitoring = {{.time = bench.in(20)}};
  urr.later_monitoring[0].volume_threshold = {.total = 50};
  bench.change(urr);
  bench.clock.advance(seconds(25));
  bench.due();
  bench.report(R::kImmediate);
  EXPECT_EQ(bench.limits().tell.total, 50U);
  urr.counts_packets = true;
  bench.change(urr);
  EXPECT_EQ(bench.limits().tell.total, 50U) << "what is not mentioned stays";
  urr.volume_threshold = {.total = 700};
  bench.change(urr);
  EXPECT_EQ(bench.limits().tell.total, 700U);
}

TEST(UsageLimitsTest, a_number_of_reports_ends_reporting_and_neither_metering_nor_quotas) {
  Urr urr = volume_urr(T::kVolumeThreshold | T::kVolumeQuota, 100);
  urr.number_of_reports = 2;
  urr.volume_quota = {.total = 10'000};
  Bench bench(urr);
  for (int i = 0; i < 2; ++i) {
    bench.up(100);
    EXPECT_EQ(bench.report(R::kImmediate).size(), 1U) << "asked for: it does not count";
    bench.up(100);
    ASSERT_EQ(bench.due(), R::kVolumeThreshold);
    bench.report(R::kVolumeThreshold);
  }
  EXPECT_FALSE(bench.account.may_report());
  bench.up(5000);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().stop.total, 10'000U);
  EXPECT_EQ(bench.limits().tell.total, 10'000U) << "no threshold calls";
  bench.up(5000);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_TRUE(bench.limits().blocked);
  EXPECT_EQ(bench.limits().tell.total, UsageLimits::kNone);
  EXPECT_FALSE(bench.account.deadline(bench.count, bench.now()));
  EXPECT_EQ(bench.report(R::kImmediate).back().volume->bytes(), 10'000U);

  bench.change(urr, {.reports = true});
  EXPECT_EQ(bench.account.deadline(bench.count, bench.now()), bench.now().steady);
  EXPECT_EQ(bench.due(), R::kVolumeQuota) << "what could not be told";
  EXPECT_TRUE(bench.limits().blocked);
  bench.report(R::kVolumeQuota);
  bench.change(urr, {.quota = true});
  EXPECT_FALSE(bench.limits().blocked);
  bench.up(100);
  EXPECT_EQ(bench.due(), R::kVolumeThreshold);
}

TEST(UsageLimitsTest, a_time_quota_goes_on_after_the_last_report) {
  Urr urr{.id = UrrId(5), .measures_time = true, .triggers = T::kTimeThreshold | T::kPeriodic};
  urr.number_of_reports = 1;
  urr.time_threshold = seconds(10);
  urr.time_quota = seconds(100);
  urr.period = seconds(10);
  Bench bench(urr);
  bench.up(1);
  bench.due();
  bench.clock.advance(seconds(10));
  ASSERT_NE(bench.due(), 0U);
  bench.report(R::kTimeThreshold);
  const auto deadline = [&] { return bench.account.deadline(bench.count, bench.now()); };
  EXPECT_EQ(deadline(), bench.now().steady + seconds(90)) << "no more periods or thresholds";
  bench.clock.advance(seconds(90));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_TRUE(bench.limits().blocked);
  EXPECT_FALSE(deadline());
}

TEST(UsageLimitsTest, dropped_traffic_is_reported_when_it_reaches_its_threshold_and_starts_over) {
  Urr urr{.id = UrrId(5), .measures_volume = true, .triggers = T::kDroppedDownlink};
  urr.dropped_threshold = {.packets = 3, .bytes = 1000};
  Bench bench(urr);
  const auto drop = [&](uint64_t packets, uint64_t bytes) {
    bench.count.dropped_packets += packets;
    bench.count.dropped_bytes += bytes;
  };
  EXPECT_EQ(bench.limits().tell_dropped_packets, 3U);
  EXPECT_EQ(bench.limits().tell_dropped_bytes, 1000U);
  drop(2, 200);
  EXPECT_EQ(bench.due(), 0U);
  drop(1, 100);
  EXPECT_EQ(bench.due(), R::kDroppedDownlink);
  EXPECT_EQ(bench.report(R::kDroppedDownlink).back().volume, UsageTotals{});
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell_dropped_packets, 6U);
  drop(1, 1000);
  EXPECT_EQ(bench.due(), R::kDroppedDownlink);
  urr.dropped_threshold = {.packets = UsageLimits::kNone, .bytes = UsageLimits::kNone - 1};
  bench.change(urr);
  EXPECT_EQ(bench.limits().tell_dropped_packets, UsageLimits::kNone) << "and not a small number";
  EXPECT_EQ(bench.limits().tell_dropped_bytes, UsageLimits::kNone);
  urr.triggers = 0;
  bench.change(urr);
  EXPECT_EQ(bench.limits().tell_dropped_packets, UsageLimits::kNone);
}

}  // namespace
}  // namespace sluice::upf::pfcp
