#include "upf-dataplane/session/rule_state.h"

#include <algorithm>

namespace sluice::upf {

namespace {

void set_rates(QerMeters& meters, const BitRates& rates, const RuleClock& clock) {
  meters.uplink.set_rate(rates.uplink_kbps, clock.ticks_per_second);
  meters.downlink.set_rate(rates.downlink_kbps, clock.ticks_per_second);
}

void set_limit(PacketLimit& limit, const std::optional<PacketRate>& rate, const RuleClock& clock) {
  // In no time there is no limit: every packet begins it anew.
  limit.set(rate ? rate->packets : uint16_t{0xffff},
            rate ? static_cast<uint64_t>(rate->time.count()) * clock.ticks_per_second : 0);
}

void set_limits(PacketLimits& limits, const PacketRates& rates, const RuleClock& clock) {
  set_limit(limits.uplink, rates.uplink, clock);
  set_limit(limits.downlink, rates.downlink, clock);
}

// Goes on where the UPF that had the session before has stopped.
void resume(PacketLimits& limits, const PacketRateLeft& left, const RuleClock& clock) {
  if (!left.until) return;
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(*left.until - clock.wall);
  if (time.count() <= 0) return;
  const uint64_t ticks = static_cast<uint64_t>(time.count()) * (clock.ticks_per_second / 1000);
  if (left.uplink) limits.uplink.resume({*left.uplink, ticks}, clock.ticks);
  if (left.downlink) limits.downlink.resume({*left.downlink, ticks}, clock.ticks);
}

std::shared_ptr<QerMeters> make_meters(const Qer& qer, const RuleClock& clock) {
  auto meters = std::make_shared<QerMeters>();
  if (qer.mbr) set_rates(*meters, *qer.mbr, clock);
  if (!qer.packet_rates) return meters;
  meters->packets = std::make_unique<PacketLimits>();
  set_limits(*meters->packets, *qer.packet_rates, clock);
  if (qer.packets_left) resume(*meters->packets, *qer.packets_left, clock);
  return meters;
}

}  // namespace

RuleState carry_over(const SessionSpec& spec, const RuleState& before, const RuleClock& clock) {
  RuleState next;
  for (const auto& [id, qer] : spec.qers) {
    if (qer.mbr || qer.packet_rates) {
      const auto old = before.meters.find(id);
      // Packets that begin to be counted have to have their place before workers see it.
      const bool stays =
          old != before.meters.end() && (!qer.packet_rates || old->second->packets != nullptr);
      next.meters[id] = stays ? old->second : make_meters(qer, clock);
    }
    if (!qer.gbr) continue;
    const auto old = before.guarantees.find(id);
    auto& meters = next.guarantees[id];
    meters = old != before.guarantees.end() ? old->second : std::make_shared<QerMeters>();
    if (old == before.guarantees.end()) set_rates(*meters, *qer.gbr, clock);
  }
  for (const auto& [id, urr] : spec.urrs) {
    const auto old = before.usage.find(id);
    next.usage[id] =
        old != before.usage.end() ? old->second : std::make_shared<UsageMeter>(urr.before_qos);
  }
  return next;
}

void apply_changes(const SessionSpec& spec, const RuleState& state, const RuleClock& clock) {
  for (const auto& [id, qer] : spec.qers) {
    if (QerMeters* meters = state.meter(id)) {
      if (qer.mbr) set_rates(*meters, *qer.mbr, clock);
      if (qer.packet_rates) set_limits(*meters->packets, *qer.packet_rates, clock);
    }
    if (QerMeters* meters = state.guarantee(id)) set_rates(*meters, *qer.gbr, clock);
  }
  for (const auto& [id, urr] : spec.urrs) {
    UsageMeter& meter = *state.usage_meter(id);
    meter.set_before_qos(urr.before_qos);
    if (urr.dropped_threshold != DroppedTraffic{}) meter.watch_dropped();
  }
}

}  // namespace sluice::upf
