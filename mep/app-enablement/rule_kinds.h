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
  static const std::string& id_of(const Rule& rule) { return rule.traffic_rule_id; }
  static const RuleRecords<Rule>& of(const AppInstance& app) { return app.traffic_rules; }
  static RuleRecords<Rule>& of(AppInstance& app) { return app.traffic_rules; }
};

struct DnsRules {
  using Rule = traffic_rules::DnsRule;
  static constexpr const char* kIdMember = "dnsRuleId";
  static constexpr const char* kNoun = "DNS rule";
  static Result<Rule> parse(const nlohmann::json& json, const std::string& path = {}) {
    return traffic_rules::dns_rule_from_json(json, path);
  }
  static const std::string& id_of(const Rule& rule) { return rule.dns_rule_id; }
  static const RuleRecords<Rule>& of(const AppInstance& app) { return app.dns_rules; }
  static RuleRecords<Rule>& of(AppInstance& app) { return app.dns_rules; }
};

// A bare array (MEC 011 §7.2.7), in the order of ids.
template <typename Rule>
nlohmann::json rules_to_json(const RuleRecords<Rule>& records) {
  auto out = nlohmann::json::array();
  for (const auto& [id, record] : records) out.push_back(to_json(record->rule));
  return out;
}

}  // namespace sluice::mep
