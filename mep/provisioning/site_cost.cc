#include "mep/provisioning/site_cost.h"

#include "mp2/messages.h"
#include "traffic-rules/compile.h"
#include "traffic-rules/identifier.h"

namespace sluice::mep {

RuleCost cost_of(const AppInstance& app) {
  RuleCost out;
  mp2::Replace message;
  for (const auto& [id, record] : app.traffic_rules) {
    const auto key = traffic_rules::rule_key(app.id, id);
    if (const auto rule = traffic_rules::compile(key, record->order, record->rule)) {
      out.boxes += rule->uplink.size() + rule->downlink.size();
    }
    message.rules.push_back({key, app.id, record->order, record->rule});
  }
  for (const auto& [id, record] : app.dns_rules) {
    mp2::DnsEntry entry{traffic_rules::rule_key(app.id, id), app.id, record->order, record->rule};
    entry.rule.ttl_s = traffic_rules::kMaxTtlS;  // whatever the default: none is longer
    message.dns.push_back(std::move(entry));
  }
  out.mp2_bytes = mp2::encode(message).size();
  return out;
}

RuleCost SiteCosts::of_others(const State& state, const std::string& except) {
  std::erase_if(known_, [&](const auto& entry) { return !state.apps.contains(entry.first); });
  RuleCost out;
  for (const auto& [id, app] : state.apps) {
    if (id == except) continue;
    auto& known = known_[id];
    if (known.app != app) known = {app, cost_of(*app)};
    out += known.cost;
  }
  return out;
}

}  // namespace sluice::mep
