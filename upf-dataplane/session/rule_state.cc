#include "upf-dataplane/session/rule_state.h"

namespace sluice::upf {

namespace {

void set_rates(QerMeters& meters, const BitRates& rates, uint64_t ticks_per_second) {
  meters.uplink.set_rate(rates.uplink_kbps, ticks_per_second);
  meters.downlink.set_rate(rates.downlink_kbps, ticks_per_second);
}

}  // namespace

RuleState carry_over(const SessionSpec& spec, const RuleState& before, uint64_t ticks_per_second) {
  RuleState next;
  for (const auto& [id, qer] : spec.qers) {
    if (!qer.mbr) continue;
    auto& meters = next.meters[id];
    if (const auto old = before.meters.find(id); old != before.meters.end()) {
      meters = old->second;
    } else {
      meters = std::make_shared<QerMeters>();
      set_rates(*meters, *qer.mbr, ticks_per_second);
    }
  }
  for (const auto& [id, urr] : spec.urrs) {
    const auto old = before.usage.find(id);
    next.usage[id] =
        old != before.usage.end() ? old->second : std::make_shared<UsageMeter>(urr.before_qos);
  }
  return next;
}

void apply_changes(const SessionSpec& spec, const RuleState& state, uint64_t ticks_per_second) {
  for (const auto& [id, qer] : spec.qers) {
    QerMeters* meters = state.meter(id);
    if (meters == nullptr) continue;
    set_rates(*meters, *qer.mbr, ticks_per_second);
  }
  for (const auto& [id, urr] : spec.urrs) state.usage_meter(id)->set_before_qos(urr.before_qos);
}

}  // namespace sluice::upf
