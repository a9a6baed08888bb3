// An app instance for tests: one traffic rule "video", one DNS rule "name", both active.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "mep/collections.h"
#include "mep/store/store.h"
#include "traffic-rules/json.h"

namespace sluice::mep {

inline nlohmann::json test_traffic_rule(const std::string& id = "video") {
  return {{"trafficRuleId", id},
          {"filterType", "FLOW"},
          {"priority", 10},
          {"trafficFilter", {{{"dstAddress", {"198.51.100.10"}}, {"dstPort", {"80"}}}}},
          {"action", "FORWARD_DECAPSULATED"},
          {"dstInterface", {{"interfaceType", "IP"}, {"dstIpAddress", "10.9.0.2"}}},
          {"state", "ACTIVE"}};
}

inline nlohmann::json test_dns_rule(const std::string& id = "name") {
  return {{"dnsRuleId", id},
          {"domainName", "video.example"},
          {"ipAddressType", "IP_V4"},
          {"ipAddress", "10.9.0.2"},
          {"state", "ACTIVE"}};
}

// In the making of a change: adds the instance, or replaces it.
inline void put_test_app(Draft& draft, const std::string& id, AppState state) {
  draft.put_app({id, "test", state});
  const auto traffic = traffic_rules::traffic_rule_from_json(test_traffic_rule()).value();
  const auto dns = traffic_rules::dns_rule_from_json(test_dns_rule()).value();
  draft.put_rule(id, draft.new_record(traffic, traffic));
  draft.put_rule(id, draft.new_record(dns, dns));
}

// Switches the traffic rule that put_test_app() makes.
inline void switch_test_rule(Draft& draft, const std::string& id, traffic_rules::RuleState state) {
  using traffic_rules::TrafficRule;
  const auto& before = draft.state().find_rule<TrafficRule>(id, "video")->value;
  auto rule = before.rule;
  rule.state = state;
  draft.put_rule(id, draft.new_record(std::move(rule), before.declared, &before));
}

// The platform's store in a directory.
class TestStore {
 public:
  TestStore(const std::string& directory, const Clock& clock) {
    store::Schema schema;
    collections = Collections::add_to(schema);
    auto base = store::Store::open(directory + "/mep.db", std::move(schema), clock);
    if (!base) throw std::runtime_error(base.error().to_string());
    base_ = std::move(*base);
    apps_.emplace(*base_, collections.apps);
  }
  Store& operator*() { return *apps_; }
  Store* operator->() { return &*apps_; }

  Collections collections;

 private:
  std::unique_ptr<store::Store> base_;
  std::optional<Store> apps_;
};

}  // namespace sluice::mep
