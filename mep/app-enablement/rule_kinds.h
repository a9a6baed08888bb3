// Traffic rules and DNS rules are resources of the same shape; this names what differs.
#pragma once

#include <nlohmann/json.hpp>

#include "mep/store/state.h"
#include "traffic-rules/json.h"

namespace sluice::mep {

struct TrafficRules {
  using Rule = traffic_rules::TrafficRule;
  static constexpr const char* kIdMember = "trafficRuleId";
  static constexpr const char* kNoun = "traffic rule";
  static Result<Rule> parse(const nlohmann::json& json, const std::string& path = {}) {
    return traffic_rules::traffic_rule_from_json(json, path);
  }
};

struct DnsRules {
  using Rule = traffic_rules::DnsRule;
  static constexpr const char* kIdMember = "dnsRuleId";
  static constexpr const char* kNoun = "DNS rule";
  static Result<Rule> parse(const nlohmann::json& json, const std::string& path = {}) {
    return traffic_rules::dns_rule_from_json(json, path);
  }
};

// A bare array (MEC 011 §7.2.7), in the order of ids.
template <typename Rule>
nlohmann::json rules_to_json(const AppRules<Rule>& rules) {
  auto out = nlohmann::json::array();
  for (const auto& [key, stored] : rules) out.push_back(to_json(stored.value.rule));
  return out;
}

}  // namespace sluice::mep
