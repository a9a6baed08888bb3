// What the platform remembers: app instances with their rules, and who may log in. Values are
// immutable once published and shared between snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "mep/auth/client_store.h"
#include "traffic-rules/model.h"

namespace sluice::mep {

// A rule of an app instance. `Rule` is TrafficRule or DnsRule.
template <typename Rule>
struct RuleRecord {
  Rule rule;               // as it is now
  Rule declared;           // as the package declared it; only the state may differ from `rule`
  uint64_t revision = 0;   // of the store when it last changed: its ETag, never used again
  uint64_t order = 0;      // of provisioning: decides between rules of equal priority
  int64_t changed_ms = 0;  // Unix time
};

using TrafficRuleRecord = RuleRecord<traffic_rules::TrafficRule>;
using DnsRuleRecord = RuleRecord<traffic_rules::DnsRule>;

template <typename Rule>
using RuleRecords = std::map<std::string, std::shared_ptr<const RuleRecord<Rule>>, std::less<>>;

enum class AppState : uint8_t {
  kProvisioned,  // its rules are held back
  kReady,        // it has confirmed that it runs (MEC 011 §5.2.2)
};

struct AppInstance {
  std::string id;
  std::string name;
  AppState state = AppState::kProvisioned;
  uint64_t revision = 0;
  RuleRecords<traffic_rules::TrafficRule> traffic_rules;  // by trafficRuleId
  RuleRecords<traffic_rules::DnsRule> dns_rules;          // by dnsRuleId
};

struct State {
  // UUID of this store and a random part of this opening of it: a copy that was put back counts its
  // generations again, and the same rules are shown otherwise under other settings.
  std::string source;
  // Counts the changes to what should be steered: the version of the desired set.
  uint64_t generation = 0;
  uint64_t revision = 0;  // counts all changes
  std::map<std::string, std::shared_ptr<const AppInstance>, std::less<>> apps;      // by id
  std::map<std::string, std::shared_ptr<const auth::Client>, std::less<>> clients;  // by id

  const AppInstance* find_app(std::string_view id) const {
    const auto found = apps.find(id);
    return found == apps.end() ? nullptr : found->second.get();
  }
};

// Whether the rule should be in effect: switched on, and its app is ready.
template <typename Rule>
bool is_desired(const AppInstance& app, const RuleRecord<Rule>& record) {
  return app.state == AppState::kReady && record.rule.state == traffic_rules::RuleState::kActive;
}

}  // namespace sluice::mep
