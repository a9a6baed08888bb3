#include "upf-dataplane/pfcp/usage_account.h"

#include <algorithm>
#include <utility>

#include "upf-dataplane/pfcp/monitoring_values.h"
#include "upf-dataplane/pfcp/usage_math.h"

namespace sluice::upf::pfcp {
namespace {

using T = ReportingTriggers;
using R = UsageReportTrigger;
using std::chrono::floor;
using std::chrono::seconds;

}  // namespace

UsageAccount::UsageAccount(const Urr& urr, const UsageCount& count, const Instant& now)
    : given_(urr),
      urr_(urr),
      reports_left_(urr.number_of_reports),
      dropped_packets_(count.dropped_packets),
      dropped_bytes_(count.dropped_bytes),
      reported_(count.totals),
      start_(now.wall),
      granted_at_(now.steady) {
  while (monitoring(passed_) != nullptr && now.wall >= monitoring(passed_)->time) ++passed_;
  use_subsequent(urr, passed_);
  packets_seen_ = count.totals.uplink_packets + count.totals.downlink_packets;
  held_since_ = now.steady;
  if (urr.time_from_start && !urr.is_inactive) time_since_ = now.steady;
  if (has(T::kPeriodic)) next_period_ = now.steady + *urr.period;
}

// The i-th monitoring time; null: there are not so many.
const Monitoring* UsageAccount::monitoring(size_t i) const {
  if (i == 0) return given_.monitoring ? &*given_.monitoring : nullptr;
  return i <= given_.later_monitoring.size() ? &given_.later_monitoring[i - 1] : nullptr;
}

void UsageAccount::change(const Urr& urr, const Granted& granted, const UsageCount& count,
                          const Instant& now) {
  pass_monitoring_time(count, now);
  follow_time(count, now.steady);
  const bool reports_again = has_reported_all_ && (granted.reports || !urr.number_of_reports);
  if (reports_again) has_reported_all_ = false;
  if (granted.reports || !urr.number_of_reports) reports_left_ = urr.number_of_reports;
  const bool resumed = urr_.is_inactive && !urr.is_inactive;
  if (urr.is_inactive && time_since_) {
    time_done_ = time_used(now.steady);
    time_since_.reset();
  }
  if (urr.is_inactive) flowing_ = false;
  const bool same_period =
      has(T::kPeriodic) && urr.period == urr_.period && !resumed && !reports_again;
  const Urr earlier = std::exchange(given_, urr);
  urr_ = urr;
  const bool same_monitoring =
      earlier.monitoring == urr.monitoring && earlier.later_monitoring == urr.later_monitoring;
  if (!same_monitoring) {
    passed_ = 0;
    while (monitoring(passed_) != nullptr && now.wall >= monitoring(passed_)->time) ++passed_;
  }
  use_subsequent(same_monitoring ? earlier : urr, passed_);
  if (!has(T::kPeriodic)) {
    next_period_.reset();
  } else if (!same_period) {
    next_period_ = now.steady + *urr.period;
  }
  if (urr.time_from_start && !urr.is_inactive && !time_since_) time_since_ = now.steady;
  if (resumed || granted.quota) held_since_ = now.steady;
  if (granted.quota) grant(now.steady);
}

void UsageAccount::grant(Time now) {
  consumed_ = {};
  granted_at_ = now;
  held_since_ = now;
  spent_ = 0;
  untold_ = 0;
  lapsed_ = false;
}

// Puts into force what comes with the first `count` monitoring times: for limits that are still as
// in `since`; those that an update has changed afterwards are newer.
void UsageAccount::use_subsequent(const Urr& since, size_t count) {
  Urr chain = since;  // as it became without that update
  for (size_t i = 0; i < count; ++i) {
    const Monitoring& next = *monitoring(i);
    const auto use = [](auto& limit, auto& earlier, const auto& subsequent, bool is_given) {
      if (!is_given) return;
      if (limit == earlier) limit = subsequent;
      earlier = subsequent;
    };
    use(urr_.volume_threshold, chain.volume_threshold, next.volume_threshold,
        !is_empty(next.volume_threshold));
    use(urr_.volume_quota, chain.volume_quota, next.volume_quota, !is_empty(next.volume_quota));
    use(urr_.time_threshold, chain.time_threshold, next.time_threshold,
        next.time_threshold.has_value());
    use(urr_.time_quota, chain.time_quota, next.time_quota, next.time_quota.has_value());
    use(urr_.event_threshold, chain.event_threshold, next.event_threshold,
        next.event_threshold.has_value());
    use(urr_.event_quota, chain.event_quota, next.event_quota, next.event_quota.has_value());
  }
}

void UsageAccount::pass_monitoring_time(const UsageCount& count, const Instant& now) {
  if (urr_.is_inactive) return;
  while (monitoring(passed_) != nullptr && now.wall >= monitoring(passed_)->time) {
    follow_time(count, now.steady);
    const Monitoring& next = *monitoring(passed_);
    ++passed_;
    const Used used = since_report(count, now.steady);
    // Without a subsequent threshold what is left of the former one stays in force.
    carried_.totals =
        is_empty(next.volume_threshold) ? carried_.totals + used.totals : UsageTotals{};
    carried_.time = next.time_threshold ? Duration(0) : carried_.time + used.time;
    carried_.events = next.event_threshold ? 0 : carried_.events + used.events;
    UsageReport part = close(count, now);
    // What lies between two times is behind the one and before the other.
    part.side = before_.empty() ? UsageInformation::kBefore
                                : UsageInformation::kBefore | UsageInformation::kAfter;
    before_.push_back(part);
    const bool has_quota_anew = !is_empty(next.volume_quota) || next.time_quota || next.event_quota;
    use_subsequent(given_, passed_);
    if (has_quota_anew) grant(now.steady);
  }
}

UsageAccount::Used UsageAccount::towards_thresholds(const UsageCount& count, Time now) const {
  const Used recent = since_report(count, now);
  return {.totals = carried_.totals + recent.totals,
          .time = carried_.time + recent.time,
          .events = carried_.events + recent.events};
}

bool UsageAccount::has_quota() const {
  return !is_empty(urr_.volume_quota) || urr_.time_quota || urr_.event_quota;
}

bool UsageAccount::watches_traffic() const {
  return urr_.measures_events || has(T::kStartOfTraffic) || has(T::kStopOfTraffic);
}

void UsageAccount::follow_time(const UsageCount& count, Time now) {
  // By their number: the time of the last one is known no better than to a microsecond.
  const uint64_t packets = count.totals.uplink_packets + count.totals.downlink_packets;
  const bool new_packets = count.last_packet && packets > packets_seen_;
  packets_seen_ = packets;
  if (time_since_ && urr_.inactivity_time && last_packet_ && !urr_.is_inactive) {
    // It stood still from then until the next packet, which may have come meanwhile.
    const Time stopped = *last_packet_ + *urr_.inactivity_time;
    if (stopped <= (new_packets ? *count.last_packet : now)) {
      time_done_ += std::max(stopped - *time_since_, Duration(0));
      time_since_.reset();
    }
  }
  if (new_packets && !time_since_) time_since_ = count.last_packet;
  if (new_packets) last_packet_ = count.last_packet;
}

// Starts and stops of traffic since the last look, as triggers.
uint32_t UsageAccount::follow_traffic(const UsageCount& count, Time now) {
  if (!watches_traffic()) return 0;
  uint32_t triggers = 0;
  const bool moved = count.totals != reported_ || events_ > 0 || flowing_;
  const bool recent =
      count.last_packet && now - *count.last_packet < urr_.inactivity_time.value_or(kQuiet);
  if (!flowing_ && recent && moved) {
    flowing_ = true;
    ++events_;
    if (has(T::kStartOfTraffic)) triggers |= R::kStartOfTraffic;
  } else if (flowing_ && !recent) {
    flowing_ = false;
    if (has(T::kStopOfTraffic)) triggers |= R::kStopOfTraffic;
  }
  return triggers;
}

UsageAccount::Duration UsageAccount::time_used(Time now) const {
  return time_done_ + (time_since_ ? std::max(now - *time_since_, Duration(0)) : Duration(0));
}

UsageAccount::Used UsageAccount::since_report(const UsageCount& count, Time now) const {
  return {.totals = count.totals - reported_, .time = time_used(now), .events = events_};
}

UsageAccount::Used UsageAccount::since_grant(const UsageCount& count, Time now) const {
  const Used recent = since_report(count, now);
  return {.totals = consumed_.totals + recent.totals,
          .time = consumed_.time + recent.time,
          .events = consumed_.events + recent.events};
}

uint32_t UsageAccount::due_thresholds(const Used& used) const {
  uint32_t triggers = 0;
  if (has(T::kVolumeThreshold) && reached(urr_.volume_threshold, used.totals)) {
    triggers |= R::kVolumeThreshold;
  }
  if (has(T::kTimeThreshold) && urr_.time_threshold && used.time >= *urr_.time_threshold) {
    triggers |= R::kTimeThreshold;
  }
  if (has(T::kEventThreshold) && urr_.event_threshold && used.events >= *urr_.event_threshold) {
    triggers |= R::kEventThreshold;
  }
  return triggers;
}

// Of quotas that were not reported as used up before; whether asked for or not, they stop traffic.
uint32_t UsageAccount::due_quotas(const UsageCount& count, Time now) {
  const Used used = since_grant(count, now);
  uint32_t spent = 0;
  if (reached(urr_.volume_quota, used.totals)) spent |= R::kVolumeQuota;
  if (urr_.time_quota && used.time >= *urr_.time_quota) spent |= R::kTimeQuota;
  if (urr_.event_quota && used.events > *urr_.event_quota) spent |= R::kEventQuota;
  if (has_quota() && !lapsed_) {
    const Time last = std::max(held_since_, last_packet_.value_or(held_since_));
    if (urr_.quota_holding_time && now - last >= *urr_.quota_holding_time) {
      spent |= R::kQuotaHoldingTime;
    }
    if (urr_.quota_validity_time && now - granted_at_ >= *urr_.quota_validity_time) {
      spent |= R::kQuotaValidityTime;
    }
  }
  if ((spent & (R::kQuotaHoldingTime | R::kQuotaValidityTime)) != 0) lapsed_ = true;
  const uint32_t fresh = spent & ~spent_;
  spent_ |= spent;
  const auto asked = [&](uint32_t reporting, uint32_t trigger) {
    return has(reporting) ? trigger : 0;
  };
  return fresh & (asked(T::kVolumeQuota, R::kVolumeQuota) | asked(T::kTimeQuota, R::kTimeQuota) |
                  asked(T::kEventQuota, R::kEventQuota) |
                  asked(T::kQuotaHoldingTime, R::kQuotaHoldingTime) |
                  asked(T::kQuotaValidityTime, R::kQuotaValidityTime));
}

uint32_t UsageAccount::due(const UsageCount& count, const Instant& now) {
  if (urr_.is_inactive) return 0;
  pass_monitoring_time(count, now);
  uint32_t triggers = follow_traffic(count, now.steady);
  follow_time(count, now.steady);
  untold_ |= due_quotas(count, now.steady);
  if (has_reported_all_) return 0;
  triggers |= std::exchange(untold_, 0) | due_dropped(count) |
              due_thresholds(towards_thresholds(count, now.steady));
  if (next_period_ && now.steady >= *next_period_) {
    triggers |= R::kPeriodic;
    // Missed periods are not made up for.
    while (*next_period_ <= now.steady) *next_period_ += *urr_.period;
  }
  return triggers;
}

std::vector<UsageReport> UsageAccount::report(uint32_t triggers, const UsageCount& count,
                                              const Instant& now) {
  pass_monitoring_time(count, now);
  follow_time(count, now.steady);
  std::vector<UsageReport> reports = std::exchange(before_, {});
  for (UsageReport& part : reports) part.triggers = triggers | R::kMonitoringTime;
  reports.push_back(close(count, now));
  reports.back().triggers = triggers;
  if (reports.size() > 1) reports.back().side = UsageInformation::kAfter;
  for (UsageReport& report : reports) report.sequence = next_sequence_++;
  carried_ = {};
  // Those that were asked for are no reports of the rule's own.
  if (reports_left_ && (triggers & ~(R::kImmediate | R::kTermination)) != 0) {
    if (*reports_left_ > 0) --*reports_left_;
    if (*reports_left_ == 0) {
      has_reported_all_ = true;
      next_period_.reset();
    }
  }
  return reports;
}

uint32_t UsageAccount::due_dropped(const UsageCount& count) {
  if (!has(T::kDroppedDownlink)) return 0;
  const DroppedTraffic& limit = urr_.dropped_threshold;
  if ((limit.packets && count.dropped_packets - dropped_packets_ >= *limit.packets) ||
      (limit.bytes && count.dropped_bytes - dropped_bytes_ >= *limit.bytes)) {
    dropped_packets_ = count.dropped_packets;
    dropped_bytes_ = count.dropped_bytes;
    return R::kDroppedDownlink;
  }
  return 0;
}

// What was used since the report before, which counts as reported from now on.
UsageReport UsageAccount::close(const UsageCount& count, const Instant& now) {
  const Used used = since_report(count, now.steady);
  UsageReport report{
      .urr = urr_.id, .start = floor<seconds>(start_), .end = floor<seconds>(now.wall)};
  if (urr_.measures_volume) {
    report.volume = used.totals;
    report.has_packets = urr_.counts_packets;
  }
  // Rounded down; what is left over belongs to the next report.
  const auto whole = std::chrono::duration_cast<seconds>(used.time);
  if (urr_.measures_time) report.duration = whole;
  if (count.last_packet && used.totals != UsageTotals{}) {
    report.last_packet =
        floor<seconds>(now.wall - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                      now.steady - *count.last_packet));
  }
  consumed_.totals = consumed_.totals + used.totals;
  consumed_.time += whole;
  consumed_.events += events_;
  reported_ = count.totals;
  time_done_ = used.time - whole;
  if (time_since_) time_since_ = now.steady;
  events_ = 0;
  start_ = now.wall;
  return report;
}

UsageLimits UsageAccount::limits(const UsageCount& count) const {
  if (urr_.is_inactive) return {};
  UsageLimits limits;
  if (has(T::kDroppedDownlink) && !has_reported_all_) {
    const DroppedTraffic& dropped = urr_.dropped_threshold;
    if (dropped.packets) {
      limits.tell_dropped_packets = bounded_sum(dropped_packets_, *dropped.packets);
    }
    if (dropped.bytes) limits.tell_dropped_bytes = bounded_sum(dropped_bytes_, *dropped.bytes);
  }
  limits.stop = absolute(urr_.volume_quota, reported_, consumed_.totals);
  limits.blocked = lapsed_ || (spent_ & (R::kTimeQuota | R::kEventQuota | R::kVolumeQuota)) != 0;
  if ((spent_ & R::kVolumeQuota) == 0) limits.tell = limits.stop;
  if (has(T::kVolumeThreshold) && !has_reported_all_) {
    limits.tell = earlier(limits.tell, absolute(urr_.volume_threshold, reported_, carried_.totals));
  }
  // The next packet sets the time going, or is the start of traffic.
  limits.tell_next =
      ((urr_.measures_time || urr_.time_quota) && !time_since_) || (watches_traffic() && !flowing_);
  return limits;
}

std::optional<UsageAccount::Time> UsageAccount::deadline(const UsageCount& count,
                                                         const Instant& now) const {
  if (urr_.is_inactive) return std::nullopt;
  std::optional<Time> next = next_period_;
  if (untold_ != 0 && !has_reported_all_) next = now.steady;
  const auto at = [&next](Time time) { next = next ? std::min(*next, time) : time; };
  const auto time_left = [&](std::chrono::seconds limit, Duration used) {
    if (time_since_) at(now.steady + std::max<Duration>(limit - used, Duration(1)));
  };
  const Duration used = time_used(now.steady);
  if (const Monitoring* next_time = monitoring(passed_)) {
    at(now.steady + std::max<Duration>(next_time->time - now.wall, Duration(1)));
  }
  if (has(T::kTimeThreshold) && urr_.time_threshold && !has_reported_all_) {
    time_left(*urr_.time_threshold, carried_.time + used);
  }
  if (urr_.time_quota && (spent_ & R::kTimeQuota) == 0) {
    time_left(*urr_.time_quota, consumed_.time + used);
  }
  const Time last = last_packet_.value_or(held_since_);
  if (time_since_ && urr_.inactivity_time && last_packet_) at(last + *urr_.inactivity_time);
  if (flowing_ && count.last_packet) at(*count.last_packet + urr_.inactivity_time.value_or(kQuiet));
  if (has_quota() && !lapsed_) {
    if (urr_.quota_holding_time) at(std::max(last, held_since_) + *urr_.quota_holding_time);
    if (urr_.quota_validity_time) at(granted_at_ + *urr_.quota_validity_time);
  }
  return next;
}

}  // namespace sluice::upf::pfcp
