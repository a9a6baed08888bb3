// What the platform remembers of apps: instances, their rules, and who may log in.
#pragma once

#include <cstdint>
#include <string>

#include "auth/client_store.h"
#include "base/store/collection.h"
#include "mep/app-enablement/app_lifecycle.h"
#include "mep/app-enablement/rule_freedom.h"
#include "traffic-rules/model.h"

namespace sluice::store {
class Schema;
}

namespace sluice::mep {

// A rule of an app instance. `Rule` is TrafficRule or DnsRule.
template <typename Rule>
struct RuleRecord {
  Rule rule;                   // as it is now
  Rule declared;               // as the package declared it
  uint64_t order = 0;          // of provisioning: decides between rules of equal priority
  int64_t changed_ms = 0;      // Unix time
  Freedom<Rule> freedom = {};  // what the app may change besides the state
  std::string text = {};       // `rule` as Mp1 shows it: read far more often than changed
};

using TrafficRuleRecord = RuleRecord<traffic_rules::TrafficRule>;
using DnsRuleRecord = RuleRecord<traffic_rules::DnsRule>;

template <typename Rule>
using RuleRecords = store::PersistentMap<store::Stored<RuleRecord<Rule>>>;  // by rule_key()

inline const std::string& id_of(const traffic_rules::TrafficRule& rule) {
  return rule.traffic_rule_id;
}
inline const std::string& id_of(const traffic_rules::DnsRule& rule) { return rule.dns_rule_id; }

struct AppInstance {
  std::string id;
  std::string name;
  AppState state = AppState::kProvisioned;
  auth::Scopes apis = {};        // that it may use
  bool self_registered = false;  // and not provisioned over Mm5
};

// Whether the rule should be in effect: switched on, and its app serves.
template <typename Rule>
bool is_desired(const AppInstance& app, const RuleRecord<Rule>& record) {
  return rules_in_effect(app.state) && record.rule.state == traffic_rules::RuleState::kActive;
}

// The collections of this part. A rule is a row of its own, so that switching one among thousands
// writes that one.
struct Records {
  store::Collection<AppInstance> apps;                 // by appInstanceId
  store::Collection<TrafficRuleRecord> traffic_rules;  // by rule_key()
  store::Collection<DnsRuleRecord> dns_rules;          // by rule_key()
  store::Collection<auth::Client> clients;             // by client id
  store::Collection<uint64_t> counters;                // "generation"

  const store::Collection<TrafficRuleRecord>& rules_of(const traffic_rules::TrafficRule*) const {
    return traffic_rules;
  }
  const store::Collection<DnsRuleRecord>& rules_of(const traffic_rules::DnsRule*) const {
    return dns_rules;
  }
  // That of the rules of type `Rule`.
  template <typename Rule>
  const auto& rules() const {
    return rules_of(static_cast<const Rule*>(nullptr));
  }

  // With the step from the tables that version 1 of the platform made.
  static Records add_to(store::Schema& schema);
};

}  // namespace sluice::mep
