#include "mep/provisioning/site_cost.h"

#include "mp2/messages.h"
#include "traffic-rules/compile.h"

namespace sluice::mep {
namespace {

using traffic_rules::DnsRule;
using traffic_rules::TrafficRule;

RuleCost cost_of(const std::string& key, const TrafficRuleRecord& record) {
  RuleCost out;
  if (const auto rule = traffic_rules::compile(key, record.order, record.rule)) {
    out.boxes = rule->uplink.size() + rule->downlink.size();
  }
  mp2::Replace message;
  message.rules.push_back({key, key.substr(0, key.find('/')), record.order, record.rule});
  out.mp2_bytes = mp2::encode(message).size();
  return out;
}

RuleCost cost_of(const std::string& key, const DnsRuleRecord& record) {
  mp2::DnsEntry entry{key, key.substr(0, key.find('/')), record.order, record.rule};
  entry.rule.ttl_s = traffic_rules::kMaxTtlS;  // whatever the default: none is longer
  mp2::Replace message;
  message.dns.push_back(std::move(entry));
  return {mp2::encode(message).size(), 0};
}

// A message around one rule is longer than the rule among others by what is around it.
RuleCost without_frame(RuleCost cost) {
  static const size_t frame = mp2::encode(mp2::Replace{}).size();
  cost.mp2_bytes -= frame - 1;  // and a comma
  return cost;
}

template <typename Rule, typename Change>
void each_change(const std::optional<State>& from, const State& to, Change change) {
  const auto& collection = to.records().rules<Rule>();
  const auto& now = to.snapshot().of(collection);
  using Map = RuleRecords<Rule>;
  Map::for_each_difference(from ? from->snapshot().of(collection) : Map(), now, change);
}

}  // namespace

RuleCost SiteCosts::of(const State& state) {
  const auto count = [this](const std::string& key, const auto* before, const auto* after) {
    if (before != nullptr) sum_ -= without_frame(cost_of(key, before->value));
    if (after != nullptr) sum_ += without_frame(cost_of(key, after->value));
  };
  each_change<TrafficRule>(known_, state, count);
  each_change<DnsRule>(known_, state, count);
  known_ = state;
  return sum_;
}

}  // namespace sluice::mep
