// An app instance for tests: one traffic rule "video", one DNS rule "name", both active.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mep/store/draft.h"
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

inline AppInstance test_app(Draft& draft, const std::string& id, AppState state) {
  AppInstance app;
  app.id = id;
  app.name = "test";
  app.state = state;
  const auto traffic = traffic_rules::traffic_rule_from_json(test_traffic_rule()).value();
  const auto dns = traffic_rules::dns_rule_from_json(test_dns_rule()).value();
  app.traffic_rules.emplace("video",
                            draft.new_record<traffic_rules::TrafficRule>(traffic, traffic, {}));
  app.dns_rules.emplace("name", draft.new_record<traffic_rules::DnsRule>(dns, dns, {}));
  return app;
}

}  // namespace sluice::mep
