// Create URR (TS 29.244 §7.5.2.4) and Update URR (§7.5.4.4).
#include <fmt/format.h>

#include <algorithm>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/monitoring_values.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr uint32_t kKnownTriggers =
    ReportingTriggers::kPeriodic | ReportingTriggers::kVolumeThreshold |
    ReportingTriggers::kTimeThreshold | ReportingTriggers::kQuotaHoldingTime |
    ReportingTriggers::kStartOfTraffic | ReportingTriggers::kStopOfTraffic |
    ReportingTriggers::kDroppedDownlink | ReportingTriggers::kLinkedUsage |
    ReportingTriggers::kVolumeQuota | ReportingTriggers::kTimeQuota |
    ReportingTriggers::kEventThreshold | ReportingTriggers::kEventQuota |
    ReportingTriggers::kQuotaValidityTime;

constexpr uint8_t kKnownInformation =
    MeasurementInformation::kBeforeQos | MeasurementInformation::kInactive |
    MeasurementInformation::kImmediateTime | MeasurementInformation::kPackets;

void set_method(GroupReader& in, Urr& urr, const MeasurementMethod& method) {
  if (!method.time && !method.volume && !method.events) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kMeasurementMethod, "measures nothing");
  }
  urr.measures_time = method.time;
  urr.measures_volume = method.volume;
  urr.measures_events = method.events;
}

void set_triggers(GroupReader& in, Urr& urr, uint32_t triggers) {
  if ((triggers & ~kKnownTriggers) != 0) {
    return in.refuse(Cause::kServiceNotSupported, IeType::kReportingTriggers,
                     fmt::format("asks for {:#08x}", triggers & ~kKnownTriggers));
  }
  urr.triggers = triggers;
}

void set_information(GroupReader& in, Urr& urr, uint8_t flags) {
  if ((flags & ~kKnownInformation) != 0) {
    return in.refuse(Cause::kServiceNotSupported, IeType::kMeasurementInformation,
                     fmt::format("asks for {:#04x}", flags & ~kKnownInformation));
  }
  urr.before_qos = (flags & MeasurementInformation::kBeforeQos) != 0;
  urr.is_inactive = (flags & MeasurementInformation::kInactive) != 0;
  urr.time_from_start = (flags & MeasurementInformation::kImmediateTime) != 0;
  urr.counts_packets = (flags & MeasurementInformation::kPackets) != 0;
}

template <typename T>
void read_seconds(GroupReader& in, std::optional<std::chrono::seconds>& into) {
  if (const auto value = in.optional<T>()) into = std::chrono::seconds(value->value);
}

bool has_zero(const Volumes& volumes) {
  return volumes.total == 0U || volumes.uplink == 0U || volumes.downlink == 0U;
}

// A threshold of zero is reached again as soon as it was reported.
void check_thresholds(GroupReader& in, const Urr& urr) {
  const auto check = [&](uint32_t trigger, bool is_zero, IeType type) {
    if (in.failed() || (urr.triggers & trigger) == 0 || !is_zero) return;
    in.refuse(Cause::kMandatoryIeIncorrect, type, "reports at a threshold need one above zero");
  };
  check(ReportingTriggers::kVolumeThreshold, has_zero(urr.volume_threshold),
        IeType::kVolumeThreshold);
  if (urr.monitoring) {
    check(ReportingTriggers::kVolumeThreshold, has_zero(urr.monitoring->volume_threshold),
          IeType::kSubsequentVolumeThreshold);
    check(ReportingTriggers::kTimeThreshold,
          urr.monitoring->time_threshold == std::chrono::seconds(0),
          IeType::kSubsequentTimeThreshold);
    check(ReportingTriggers::kEventThreshold, urr.monitoring->event_threshold == 0U,
          IeType::kSubsequentEventThreshold);
  }
  for (const Monitoring& later : urr.later_monitoring) {
    check(ReportingTriggers::kVolumeThreshold, has_zero(later.volume_threshold),
          IeType::kSubsequentVolumeThreshold);
    check(ReportingTriggers::kTimeThreshold, later.time_threshold == std::chrono::seconds(0),
          IeType::kSubsequentTimeThreshold);
    check(ReportingTriggers::kEventThreshold, later.event_threshold == 0U,
          IeType::kSubsequentEventThreshold);
  }
  check(ReportingTriggers::kDroppedDownlink,
        urr.dropped_threshold.packets == 0U || urr.dropped_threshold.bytes == 0U,
        IeType::kDroppedDlTrafficThreshold);
  check(ReportingTriggers::kTimeThreshold, urr.time_threshold == std::chrono::seconds(0),
        IeType::kTimeThreshold);
  check(ReportingTriggers::kEventThreshold, urr.event_threshold == 0U, IeType::kEventThreshold);
}

void read_subsequent(GroupReader& in, Monitoring& next) {
  if (const auto v = in.optional<SubsequentVolumeThreshold>()) next.volume_threshold = v->volumes;
  if (const auto v = in.optional<SubsequentVolumeQuota>()) next.volume_quota = v->volumes;
  read_seconds<SubsequentTimeThreshold>(in, next.time_threshold);
  read_seconds<SubsequentTimeQuota>(in, next.time_quota);
  if (const auto v = in.optional<SubsequentEventThreshold>()) next.event_threshold = v->value;
  if (const auto v = in.optional<SubsequentEventQuota>()) next.event_quota = v->value;
}

// Table 7.5.2.4-3. All that are given take the place of earlier ones.
void read_later_monitoring(GroupReader& in, Urr& urr) {
  const auto groups = in.groups(IeType::kAdditionalMonitoringTime);
  if (groups.empty()) return;
  urr.later_monitoring.clear();
  if (groups.size() > Urr::kMostLaterMonitoring) {
    return in.refuse(Cause::kNoResourcesAvailable, IeType::kAdditionalMonitoringTime,
                     fmt::format("at most {} are possible", Urr::kMostLaterMonitoring));
  }
  for (const Ie* group : groups) {
    GroupReader inner(group->children);
    Monitoring next{.time = inner.required<MonitoringTime>().time};
    read_subsequent(inner, next);
    if (auto rejection = inner.finish()) return in.refuse(*std::move(rejection));
    urr.later_monitoring.push_back(next);
  }
}

// One at a time, the first of them with a name of its own.
void order_monitoring(GroupReader& in, Urr& urr) {
  if (urr.later_monitoring.empty() || in.failed()) return;
  if (!urr.monitoring) {
    return in.refuse(Cause::kConditionalIeMissing, IeType::kMonitoringTime,
                     "additional ones need one");
  }
  auto& later = urr.later_monitoring;
  later.insert(later.begin(), *urr.monitoring);
  std::ranges::stable_sort(later, {}, &Monitoring::time);
  if (std::ranges::adjacent_find(later, {}, &Monitoring::time) != later.end()) {
    return in.refuse(Cause::kMandatoryIeIncorrect, IeType::kAdditionalMonitoringTime,
                     "two are for the same time");
  }
  urr.monitoring = later.front();
  later.erase(later.begin());
}

// §5.2.2.2: from a monitoring time on others are in force.
void read_monitoring(GroupReader& in, Urr& urr) {
  const auto time = in.optional<MonitoringTime>();
  if (time) {
    urr.monitoring = Monitoring{.time = time->time};
    urr.later_monitoring.clear();
  }
  read_later_monitoring(in, urr);
  Monitoring next = urr.monitoring.value_or(Monitoring{});
  const Monitoring before = next;
  read_subsequent(in, next);
  if (urr.monitoring) {
    urr.monitoring = next;
  } else if (next != before) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kMonitoringTime,
              "subsequent thresholds and quotas need one");
  }
  order_monitoring(in, urr);
}

// FAR ID for Quota Action: of a rule with a quota, when it is used up.
void read_quota_action(GroupReader& in, Urr& urr) {
  if (const auto far = in.optional<FarId>()) urr.quota_far = far;
}

void read_dropped(GroupReader& in, Urr& urr) {
  const auto dropped = in.optional<DroppedDlTrafficThreshold>();
  if (dropped) urr.dropped_threshold = dropped->traffic;
  const bool is_asked = (urr.triggers & ReportingTriggers::kDroppedDownlink) != 0;
  if (!in.failed() && is_asked && urr.dropped_threshold == DroppedTraffic{}) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kDroppedDlTrafficThreshold,
              "reports of dropped traffic need one");
  }
}

// What is the same in both. Each kind of limit that is given replaces the earlier one whole.
void read_optional_elements(GroupReader& in, Urr& urr) {
  if (const auto flags = in.optional<MeasurementInformation>()) {
    set_information(in, urr, flags->flags);
  }
  read_seconds<MeasurementPeriod>(in, urr.period);
  if (const auto volumes = in.optional<VolumeThreshold>()) urr.volume_threshold = volumes->volumes;
  if (const auto volumes = in.optional<VolumeQuota>()) urr.volume_quota = volumes->volumes;
  read_seconds<TimeThreshold>(in, urr.time_threshold);
  read_seconds<TimeQuota>(in, urr.time_quota);
  if (const auto events = in.optional<EventThreshold>()) urr.event_threshold = events->value;
  if (const auto events = in.optional<EventQuota>()) urr.event_quota = events->value;
  read_quota_action(in, urr);
  read_dropped(in, urr);
  if (const auto reports = in.optional<NumberOfReports>()) {
    urr.number_of_reports = reports->value;
    if (reports->value == 0) {
      in.refuse(Cause::kMandatoryIeIncorrect, IeType::kNumberOfReports, "asks for no report");
    }
  }
  read_seconds<QuotaHoldingTime>(in, urr.quota_holding_time);
  read_seconds<QuotaValidityTime>(in, urr.quota_validity_time);
  read_seconds<InactivityDetectionTime>(in, urr.inactivity_time);
  if (const auto linked = in.each<LinkedUrrId>(); !linked.empty()) {
    urr.linked.clear();
    for (const auto id : linked) urr.linked.push_back(UrrId(id.value));
  }
  if (!in.failed() && (urr.triggers & ReportingTriggers::kPeriodic) != 0 &&
      urr.period.value_or(std::chrono::seconds(0)).count() == 0) {
    in.refuse(Cause::kConditionalIeMissing, IeType::kMeasurementPeriod,
              "periodic reports need one above zero");
  }
  read_monitoring(in, urr);
  check_thresholds(in, urr);
}

}  // namespace

ReadRule<Urr> read_create_urr(const Ie& group) {
  GroupReader in(group.children);
  Urr urr;
  urr.id = in.required<UrrId>();
  if (!in.failed()) in.names_rule(RuleType::kUrr, urr.id.value());
  const auto method = in.required<MeasurementMethod>();
  if (!in.failed()) set_method(in, urr, method);
  const auto triggers = in.required<ReportingTriggersValue>();
  if (!in.failed()) set_triggers(in, urr, triggers.triggers);
  read_optional_elements(in, urr);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return urr;
}

ReadRule<Urr> read_update_urr(const Ie& group, const Urr& current) {
  GroupReader in(group.children);
  Urr urr = current;
  in.required<UrrId>();
  in.names_rule(RuleType::kUrr, urr.id.value());
  if (const auto method = in.optional<MeasurementMethod>()) set_method(in, urr, *method);
  if (const auto triggers = in.optional<ReportingTriggersValue>()) {
    set_triggers(in, urr, triggers->triggers);
  }
  read_optional_elements(in, urr);
  if (auto rejection = in.finish()) return std::unexpected(*std::move(rejection));
  return urr;
}

Granted granted_by(const Ie& update_urr) {
  constexpr IeType kQuotas[] = {IeType::kVolumeQuota, IeType::kTimeQuota, IeType::kEventQuota};
  const auto has = [&](IeType type) { return find(update_urr.children, type) != nullptr; };
  return {.quota = std::ranges::any_of(kQuotas, has), .reports = has(IeType::kNumberOfReports)};
}

}  // namespace sluice::upf::pfcp
