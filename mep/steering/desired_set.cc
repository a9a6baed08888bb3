#include "mep/steering/desired_set.h"

#include "mep/store/desired_difference.h"

namespace sluice::mep {
namespace {

using traffic_rules::DnsRule;
using traffic_rules::TrafficRule;

mp2::RuleEntry entry_of(const std::string& app_id, const std::string& key,
                        const TrafficRuleRecord& record, uint32_t /*default_ttl_s*/) {
  return {key, app_id, record.order, record.rule};
}

mp2::DnsEntry entry_of(const std::string& app_id, const std::string& key,
                       const DnsRuleRecord& record, uint32_t default_ttl_s) {
  mp2::DnsEntry entry{key, app_id, record.order, record.rule};
  if (!entry.rule.ttl_s) entry.rule.ttl_s = default_ttl_s;
  return entry;
}

template <typename Rule, typename Entry>
void add_desired(const State& state, const AppInstance& app, uint32_t default_ttl_s,
                 std::vector<Entry>& out) {
  for (const auto& [key, stored] : state.rules_of<Rule>(app.id)) {
    if (!is_desired(app, stored.value)) continue;
    out.push_back(entry_of(app.id, key, stored.value, default_ttl_s));
  }
}

template <typename Rule, typename Entry>
void add_difference(const State& from, const State& to, uint32_t default_ttl_s,
                    std::vector<std::string>& removed, std::vector<Entry>& upserted) {
  for_each_desired_difference<Rule>(
      from, to,
      [&](const std::string& key, const RuleRecord<Rule>*, const RuleRecord<Rule>* now) -> bool {
        if (now == nullptr) {
          removed.push_back(key);
        } else {
          upserted.push_back(entry_of(key.substr(0, key.find('/')), key, *now, default_ttl_s));
        }
        return true;
      });
}

}  // namespace

mp2::Replace desired_set(const State& state, const DesiredOptions& options) {
  const auto default_ttl_s = options.default_ttl_s;
  mp2::Replace out;
  out.version = {state.source(), state.generation()};
  for (const auto& [id, app] : state.apps()) {
    add_desired<TrafficRule>(state, app.value, default_ttl_s, out.rules);
    add_desired<DnsRule>(state, app.value, default_ttl_s, out.dns);
  }
  if (options.grants != nullptr) out.guarantees = options.grants->all(state.snapshot());
  return out;
}

mp2::Update difference(const State& from, const State& to, const DesiredOptions& options) {
  const auto default_ttl_s = options.default_ttl_s;
  mp2::Update out;
  out.version = {to.source(), to.generation()};
  out.base_generation = from.generation();
  add_difference<TrafficRule>(from, to, default_ttl_s, out.remove_rules, out.upsert_rules);
  add_difference<DnsRule>(from, to, default_ttl_s, out.remove_dns, out.upsert_dns);
  if (options.grants != nullptr) {
    auto grants = options.grants->difference(from.snapshot(), to.snapshot());
    out.upsert_guarantees = std::move(grants.upserted);
    out.remove_guarantees = std::move(grants.removed);
  }
  return out;
}

}  // namespace sluice::mep
