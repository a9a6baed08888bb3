// Rules for tests of Mp2 and of who speaks it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mp2/messages.h"
#include "traffic-rules/json.h"

namespace sluice::mp2 {

inline RuleEntry rule_entry(const std::string& app, const std::string& id, int priority = 1) {
  const auto rule = traffic_rules::traffic_rule_from_json(
      {{"trafficRuleId", id},
       {"filterType", "FLOW"},
       {"priority", priority},
       {"trafficFilter", {{{"dstAddress", {"192.0.2.0/24"}}, {"dstPort", {"80"}}}}},
       {"action", "FORWARD_DECAPSULATED"},
       {"dstInterface", {{"interfaceType", "IP"}, {"dstIpAddress", "10.9.0.2"}}},
       {"state", "ACTIVE"}});
  return {app + "/" + id, app, 1, rule.value()};
}

inline DnsEntry dns_entry(const std::string& app, const std::string& id) {
  const auto rule = traffic_rules::dns_rule_from_json({{"dnsRuleId", id},
                                                       {"domainName", "video.example"},
                                                       {"ipAddressType", "IP_V4"},
                                                       {"ipAddress", "10.9.0.2"},
                                                       {"ttl", 30},
                                                       {"state", "ACTIVE"}});
  return {app + "/" + id, app, 1, rule.value()};
}

}  // namespace sluice::mp2
