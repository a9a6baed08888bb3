// When a URR reports, and what.
#include "upf-dataplane/pfcp/usage_account.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "upf-dataplane/pfcp/monitoring_values.h"

namespace sluice::upf::pfcp {
namespace {

using T = ReportingTriggers;
using R = UsageReportTrigger;
using std::chrono::seconds;

// A URR, its traffic and time.
class Bench {
 public:
  explicit Bench(const Urr& urr) : account(urr, count, now()) {}

  Instant now() const { return {clock.now(), clock.wall()}; }
  void up(uint64_t bytes) {
    count.totals.uplink_bytes += bytes;
    ++count.totals.uplink_packets;
    count.last_packet = clock.now();
  }
  void down(uint64_t bytes) {
    count.totals.downlink_bytes += bytes;
    ++count.totals.downlink_packets;
    count.last_packet = clock.now();
  }
  void pass(seconds time) { clock.advance(time); }
  uint32_t due() { return account.due(count, now()); }
  UsageReport report(uint32_t triggers = R::kImmediate) {
    return account.report(triggers, count, now()).back();
  }
  UsageLimits limits() const { return account.limits(count); }
  // Seconds from now to the deadline.
  std::optional<double> wait() const {
    const auto deadline = account.deadline(count, now());
    if (!deadline) return std::nullopt;
    return std::chrono::duration<double>(*deadline - clock.now()).count();
  }

  ManualClock clock;
  UsageCount count;
  UsageAccount account;
};

Urr volume_urr(uint32_t triggers) {
  return {.id = UrrId(5), .measures_volume = true, .triggers = triggers};
}

TEST(UsageAccount, reports_what_was_used_since_the_report_before) {
  Urr urr = volume_urr(0);
  urr.counts_packets = true;
  Bench bench(urr);
  const auto begin = std::chrono::floor<seconds>(bench.clock.wall());
  bench.up(100);
  bench.pass(seconds(5));
  bench.down(1000);
  const auto first = bench.report();
  EXPECT_EQ(first.sequence, 0U);
  EXPECT_EQ(first.volume, (UsageTotals{100, 1000, 1, 1}));
  EXPECT_TRUE(first.has_packets);
  EXPECT_FALSE(first.duration);
  EXPECT_EQ(first.start, begin);
  EXPECT_EQ(first.end, begin + seconds(5));
  EXPECT_EQ(first.last_packet, begin + seconds(5));
  bench.pass(seconds(1));
  const auto second = bench.report();
  EXPECT_EQ(second.sequence, 1U);
  EXPECT_EQ(second.volume, UsageTotals{});
  EXPECT_EQ(second.start, first.end);
  EXPECT_FALSE(second.last_packet) << "none since the report before";
}

TEST(UsageAccount, a_volume_threshold_starts_over_with_every_report) {
  Urr urr = volume_urr(T::kVolumeThreshold);
  urr.volume_threshold = {.total = 1000, .uplink = 600};
  Bench bench(urr);
  EXPECT_EQ(bench.limits().tell, (UsageLimits::Bytes{.total = 1000, .uplink = 600}));
  bench.down(999);
  EXPECT_EQ(bench.due(), 0U);
  bench.down(1);
  EXPECT_EQ(bench.due(), R::kVolumeThreshold);
  bench.report(R::kVolumeThreshold);
  EXPECT_EQ(bench.limits().tell, (UsageLimits::Bytes{.total = 2000, .uplink = 600}));
  bench.up(600);
  EXPECT_EQ(bench.due(), R::kVolumeThreshold);
  EXPECT_EQ(bench.limits().stop, UsageLimits::Bytes{}) << "a threshold stops nothing";
}

TEST(UsageAccount, a_volume_quota_outlives_reports_and_stops_traffic) {
  Urr urr = volume_urr(T::kVolumeQuota);
  urr.volume_quota = {.total = 1000};
  Bench bench(urr);
  bench.up(400);
  bench.report();
  EXPECT_EQ(bench.limits().stop.total, 1000U) << "not 1400";
  bench.up(700);
  EXPECT_EQ(bench.due(), R::kVolumeQuota);
  EXPECT_EQ(bench.report(R::kVolumeQuota).volume->uplink_bytes, 700U);
  EXPECT_TRUE(bench.limits().blocked);
  EXPECT_EQ(bench.due(), 0U) << "told once";
  // A new grant counts from the last report on.
  bench.account.change(urr, {.quota = true}, bench.count, bench.now());
  EXPECT_FALSE(bench.limits().blocked);
  EXPECT_EQ(bench.limits().stop.total, 2100U);
}

TEST(UsageAccount, what_was_not_reported_counts_against_a_new_quota) {
  Urr urr = volume_urr(T::kVolumeQuota);
  urr.volume_quota = {.downlink = 1000};
  Bench bench(urr);
  bench.down(300);
  bench.account.change(urr, {.quota = true}, bench.count, bench.now());
  EXPECT_EQ(bench.limits().stop.downlink, 1000U);
}

TEST(UsageAccount, a_quota_without_its_trigger_stops_traffic_silently) {
  Urr urr = volume_urr(0);
  urr.volume_quota = {.total = 10};
  Bench bench(urr);
  bench.up(10);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_TRUE(bench.limits().blocked);
}

TEST(UsageAccount, reports_periodically_and_makes_up_for_nothing) {
  Urr urr = volume_urr(T::kPeriodic);
  urr.period = seconds(10);
  Bench bench(urr);
  EXPECT_EQ(bench.wait(), 10);
  bench.pass(seconds(9));
  EXPECT_EQ(bench.due(), 0U);
  bench.pass(seconds(1));
  EXPECT_EQ(bench.due(), R::kPeriodic);
  bench.pass(seconds(35));
  EXPECT_EQ(bench.due(), R::kPeriodic);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.wait(), 5);
}

TEST(UsageAccount, time_runs_from_the_first_packet) {
  Urr urr{.id = UrrId(5), .measures_time = true, .triggers = T::kTimeThreshold};
  urr.time_threshold = seconds(30);
  Bench bench(urr);
  EXPECT_TRUE(bench.limits().tell_next) << "the first packet is of interest";
  EXPECT_FALSE(bench.wait());
  bench.pass(seconds(100));
  bench.up(1);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_FALSE(bench.limits().tell_next);
  EXPECT_EQ(bench.wait(), 30);
  bench.pass(seconds(30));
  EXPECT_EQ(bench.due(), R::kTimeThreshold);
  EXPECT_EQ(bench.report().duration, seconds(30));
  EXPECT_EQ(bench.wait(), 30) << "it goes on";
}

TEST(UsageAccount, time_runs_at_once_if_asked_to) {
  Urr urr{.id = UrrId(5), .measures_time = true};
  urr.time_from_start = true;
  Bench bench(urr);
  bench.pass(seconds(7));
  EXPECT_EQ(bench.report().duration, seconds(7));
}

TEST(UsageAccount, time_stands_still_without_packets) {
  Urr urr{.id = UrrId(5), .measures_time = true};
  urr.inactivity_time = seconds(10);
  Bench bench(urr);
  bench.up(1);
  bench.due();
  bench.pass(seconds(4));
  bench.up(1);
  bench.due();
  EXPECT_EQ(bench.wait(), 10);
  bench.pass(seconds(60));
  bench.due();
  EXPECT_TRUE(bench.limits().tell_next) << "the next packet sets it going again";
  bench.pass(seconds(60));
  bench.up(1);
  bench.due();
  bench.pass(seconds(3));
  EXPECT_EQ(bench.report().duration, seconds(4 + 10 + 3));
}

TEST(UsageAccount, a_time_quota_stops_traffic_when_it_is_over) {
  Urr urr{.id = UrrId(5), .measures_time = true, .triggers = T::kTimeQuota};
  urr.time_quota = seconds(20);
  Bench bench(urr);
  bench.up(1);
  bench.due();
  bench.pass(seconds(15));
  bench.report();
  EXPECT_EQ(bench.wait(), 5) << "the report took nothing of it back";
  bench.pass(seconds(5));
  EXPECT_EQ(bench.due(), R::kTimeQuota);
  EXPECT_TRUE(bench.limits().blocked);
}

TEST(UsageAccount, an_unused_quota_lapses) {
  Urr urr = volume_urr(T::kQuotaHoldingTime | T::kQuotaValidityTime);
  urr.volume_quota = {.total = 1000};
  urr.quota_holding_time = seconds(30);
  Bench bench(urr);
  bench.pass(seconds(20));
  bench.up(1);
  bench.due();
  EXPECT_EQ(bench.wait(), 30);
  bench.pass(seconds(30));
  EXPECT_EQ(bench.due(), R::kQuotaHoldingTime);
  EXPECT_TRUE(bench.limits().blocked);
  EXPECT_FALSE(bench.wait());
  urr.quota_holding_time.reset();
  urr.quota_validity_time = seconds(60);
  bench.account.change(urr, {.quota = true}, bench.count, bench.now());
  EXPECT_FALSE(bench.limits().blocked);
  bench.pass(seconds(60));
  EXPECT_EQ(bench.due(), R::kQuotaValidityTime);
  EXPECT_TRUE(bench.limits().blocked);
}

TEST(UsageAccount, sees_traffic_start_and_stop_and_counts_events) {
  Urr urr{.id = UrrId(5),
          .measures_events = true,
          .triggers = T::kStartOfTraffic | T::kStopOfTraffic | T::kEventThreshold};
  urr.event_threshold = 2;
  Bench bench(urr);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_TRUE(bench.limits().tell_next);
  bench.up(1);
  EXPECT_EQ(bench.due(), R::kStartOfTraffic);
  EXPECT_FALSE(bench.limits().tell_next);
  bench.pass(seconds(3));
  bench.up(1);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.wait(), 10);
  bench.pass(UsageAccount::kQuiet);
  EXPECT_EQ(bench.due(), R::kStopOfTraffic);
  EXPECT_FALSE(bench.wait());
  bench.pass(seconds(100));
  bench.up(1);
  EXPECT_EQ(bench.due(), R::kStartOfTraffic | R::kEventThreshold);
}

TEST(UsageAccount, an_inactive_urr_asks_for_nothing) {
  Urr urr = volume_urr(T::kVolumeQuota | T::kVolumeThreshold);
  urr.volume_quota = {.total = 10};
  urr.volume_threshold = {.total = 10};
  urr.is_inactive = true;
  Bench bench(urr);
  bench.up(100);
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits(), UsageLimits{});
  EXPECT_FALSE(bench.wait());
}

TEST(UsageAccount, time_stands_still_while_a_urr_is_inactive) {
  Urr urr = volume_urr(T::kPeriodic | T::kStopOfTraffic);
  urr.measures_time = true;
  urr.period = seconds(30);
  Bench bench(urr);
  bench.up(1);
  bench.due();
  bench.pass(seconds(5));
  urr.is_inactive = true;
  bench.account.change(urr, {}, bench.count, bench.now());
  bench.pass(seconds(100));
  EXPECT_EQ(bench.due(), 0U);
  urr.is_inactive = false;
  bench.account.change(urr, {}, bench.count, bench.now());
  EXPECT_EQ(bench.due(), 0U) << "a period begins anew";
  bench.pass(seconds(7));
  bench.up(1);
  bench.due();
  bench.pass(seconds(2));
  EXPECT_EQ(bench.report().duration, seconds(7));
}

TEST(UsageAccount, tells_usage_before_and_after_a_monitoring_time_apart) {
  Urr urr = volume_urr(T::kVolumeThreshold);
  urr.volume_threshold = {.total = 100};
  Bench bench(urr);
  urr.monitoring = Monitoring{.time = std::chrono::floor<seconds>(bench.now().wall) + seconds(60)};
  urr.monitoring->volume_threshold = {.total = 40};
  bench.account.change(urr, {}, bench.count, bench.now());
  bench.up(30);
  EXPECT_LE(*bench.wait(), 60);
  bench.pass(seconds(61));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell.total, 70U) << "the subsequent threshold, from then on";
  bench.up(40);
  ASSERT_EQ(bench.due(), R::kVolumeThreshold);
  const auto reports = bench.account.report(R::kVolumeThreshold, bench.count, bench.now());
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].volume->bytes(), 30U);
  EXPECT_EQ(reports[0].side, UsageInformation::kBefore);
  EXPECT_EQ(reports[0].triggers, R::kVolumeThreshold | R::kMonitoringTime);
  EXPECT_EQ(reports[1].volume->bytes(), 40U);
  EXPECT_EQ(reports[1].side, UsageInformation::kAfter);
  EXPECT_EQ(reports[1].sequence, reports[0].sequence + 1);
  EXPECT_EQ(reports[1].start, reports[0].end);
  bench.up(10);
  EXPECT_EQ(bench.account.report(R::kImmediate, bench.count, bench.now()).size(), 1U);
  EXPECT_FALSE(bench.wait());
}

TEST(UsageAccount, without_a_subsequent_threshold_the_rest_of_the_first_is_in_force) {
  Urr urr = volume_urr(T::kVolumeThreshold | T::kVolumeQuota);
  urr.volume_threshold = {.total = 100};
  urr.volume_quota = {.total = 1000};
  Bench bench(urr);
  urr.monitoring = Monitoring{.time = std::chrono::floor<seconds>(bench.now().wall) + seconds(60)};
  urr.monitoring->volume_quota = {.total = 500};
  bench.account.change(urr, {}, bench.count, bench.now());
  bench.up(30);
  bench.pass(seconds(61));
  EXPECT_EQ(bench.due(), 0U);
  EXPECT_EQ(bench.limits().tell.total, 100U);
  EXPECT_EQ(bench.limits().stop.total, 530U) << "the subsequent quota begins then";
  bench.up(70);
  EXPECT_EQ(bench.due(), R::kVolumeThreshold);
}

}  // namespace
}  // namespace sluice::upf::pfcp
