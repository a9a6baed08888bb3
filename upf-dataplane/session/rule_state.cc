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
  const auto carry = [&](QerId id, const std::optional<BitRates>& rates,
                         std::map<QerId, std::shared_ptr<QerMeters>> RuleState::* list) {
    if (!rates) return;
    auto& meters = (next.*list)[id];
    if (const auto old = (before.*list).find(id); old != (before.*list).end()) {
      meters = old->second;
    } else {
      meters = std::make_shared<QerMeters>();
      set_rates(*meters, *rates, ticks_per_second);
    }
  };
  for (const auto& [id, qer] : spec.qers) {
    carry(id, qer.mbr, &RuleState::meters);
    carry(id, qer.gbr, &RuleState::guarantees);
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
    if (QerMeters* meters = state.meter(id)) set_rates(*meters, *qer.mbr, ticks_per_second);
    if (QerMeters* meters = state.guarantee(id)) set_rates(*meters, *qer.gbr, ticks_per_second);
  }
  for (const auto& [id, urr] : spec.urrs) state.usage_meter(id)->set_before_qos(urr.before_qos);
}

}  // namespace sluice::upf
