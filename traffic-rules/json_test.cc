#include "traffic-rules/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

// A valid rule with `patch` merged in (RFC 7396: null removes a member).
json traffic_rule(const char* patch = "{}") {
  auto rule = json::parse(R"({
    "trafficRuleId": "video", "filterType": "FLOW", "priority": 7,
    "trafficFilter": [{"dstAddress": ["192.0.2.0/24"], "dstPort": ["80", "8000-8080"],
                       "protocol": ["TCP"]}],
    "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.2"},
    "state": "ACTIVE"})");
  rule.merge_patch(json::parse(patch));
  return rule;
}

json dns_rule(const char* patch = "{}") {
  auto rule = json::parse(R"({"dnsRuleId": "d1", "domainName": "Video.example",
    "ipAddressType": "IP_V4", "ipAddress": "10.9.0.2", "ttl": 300, "state": "ACTIVE"})");
  rule.merge_patch(json::parse(patch));
  return rule;
}

TEST(TrafficRuleJson, comes_back_as_it_was_written) {
  for (const auto* patch : {
           "{}",
           R"({"trafficFilter": [{}]})",
           R"({"trafficFilter": [{"srcAddress": ["10.0.0.0/255.0.0.0", "2001:DB8::1-2001:DB8::9"],
               "dstAddress": ["10.1.2.3/8", "2001:db8:0::/48"]}, {"protocol": ["udp", "132"],
               "srcPort": ["0-65535"], "qCI": 255, "dSCP": 63}, {"tC": 255, "tag": ["a", "b"]},
               {"srcTunnelAddress": ["172.16.0.1"], "tgtTunnelAddress": ["172.16.0.2"],
                "srcTunnelPort": ["2152"], "dstTunnelPort": ["2152"]}]})",
           R"({"dstInterface": [{"interfaceType": "IP", "dstIpAddress": "2001:DB8::1"}]})",
           R"({"dstInterface": {"interfaceType": "MAC", "dstIpAddress": null,
               "dstMacAddress": "02-00-00-00-00-01", "srcMacAddress": "02:00:00:00:00:0A"}})",
           R"({"dstInterface": {"interfaceType": "TUNNEL", "dstIpAddress": null,
               "tunnelInfo": {"tunnelType": "GRE", "tunnelDstAddress": "192.0.2.1",
                              "tunnelSrcAddress": "192.0.2.2"}}})",
           R"({"dstInterface": {"interfaceType": "TUNNEL", "dstIpAddress": null,
               "tunnelInfo": {"tunnelType": "GRE", "tunnelDstAddress": "192.0.2.1",
                              "tunnelSpecificData": {"key": 4294967295}}}})",
           R"({"dstInterface": {"interfaceType": "TUNNEL", "dstIpAddress": null,
               "tunnelInfo": {"tunnelType": "GTP_U", "tunnelDstAddress": "2001:db8::1",
                              "tunnelSpecificData": {"teid": 1, "qfi": 63}}}})",
           R"({"dstInterface": {"interfaceType": "TUNNEL", "dstIpAddress": null,
               "tunnelInfo": {"tunnelType": "GTP_U", "tunnelDstAddress": "192.0.2.1",
                              "tunnelSpecificData": {}}}})",
           R"({"action": "DROP", "dstInterface": null})",
           R"({"action": "DROP", "dstInterface": []})",
           R"({"action": "PASSTHROUGH", "dstInterface": null})",
           R"({"action": "PASSTHROUGH"})",
           R"({"scope": [{"dnn": "Internet"}, {"sNssai": {"sst": 1, "sd": "00000a"}},
                         {"dnn": "ims", "sNssai": {"sst": 255}}]})",
           R"({"action": "DUPLICATE_ENCAPSULATED", "dstInterface": [
               {"interfaceType": "IP", "dstIpAddress": "10.9.0.2"},
               {"interfaceType": "IP", "dstIpAddress": "10.9.0.3"}]})",
       }) {
    const auto written = traffic_rule(patch);
    const auto rule = traffic_rule_from_json(written);
    ASSERT_TRUE(rule) << patch << rule.error().to_string();
    EXPECT_EQ(to_json(*rule), written);
  }
}

struct Case {
  const char* patch;
  const char* error;
};

TEST(TrafficRuleJson, names_the_member_that_is_wrong) {
  for (
      const auto& c : std::vector<Case>{
          {R"({"trafficRuleId": null})", "trafficRuleId: is required"},
          {R"({"trafficRuleId": "a/b"})",
           "trafficRuleId: must be 1 to 128 letters, digits or characters of -_.~:@+"},
          {R"({"trafficRuleId": ".."})",
           "trafficRuleId: must be 1 to 128 letters, digits or characters of -_.~:@+"},
          {R"({"filterType": "flow"})", "filterType: 'flow' is not one of FLOW, PACKET"},
          {R"({"priority": 256})", "priority: 256 is not within 0..255"},
          {R"({"priority": -1})", "priority: -1 is not within 0..255"},
          {R"({"priority": 18446744073709551615})",
           "priority: 18446744073709551615 is not within 0..255"},
          {R"({"priority": 1.5})", "priority: must be an integer, is 1.5"},
          {R"({"priority": "1"})", "priority: must be an integer, is string"},
          {R"({"scope": {}})", "scope: must be an array, is object"},
          {R"({"scope": [{}]})", "scope[0]: names neither dnn nor sNssai"},
          {R"({"scope": [{"dnn": "x"}, {"Dnn": "y"}]})",
           "scope[1].Dnn: is not a member of this type"},
          {R"({"scope": [{"dnn": "a b"}]})",
           "scope[0].dnn: must be up to 100 letters, digits or characters of -._"},
          {R"({"scope": [{"sNssai": {"sd": "000001"}}]})", "scope[0].sNssai.sst: is required"},
          {R"({"scope": [{"sNssai": {"sst": 1, "sd": "00001"}}]})",
           "scope[0].sNssai.sd: must be six hexadecimal digits"},
          {R"({"scope": [{"sNssai": {"sst": 1, "sd": "-00001"}}]})",
           "scope[0].sNssai.sd: must be six hexadecimal digits"},
          {R"({"trafficFilter": null})", "trafficFilter: is required"},
          {R"({"trafficFilter": []})",
           "trafficFilter: needs at least one filter; [{}] matches every packet"},
          {R"({"trafficFilter": {}})", "trafficFilter: must be an array, is object"},
          {R"({"trafficFilter": ["10.0.0.1"]})", "trafficFilter[0]: must be an object, is string"},
          {R"({"trafficFilter": [{}, {"dstPort": ["1", "70000"]}]})",
           "trafficFilter[1].dstPort[1]: '70000' is not a port (0..65535)"},
          {R"({"trafficFilter": [{"dstPort": [80]}]})",
           "trafficFilter[0].dstPort[0]: must be a string, is number"},
          {R"({"trafficFilter": [{"dstPort": "80"}]})",
           "trafficFilter[0].dstPort: must be an array, is string"},
          {R"({"trafficFilter": [{"dstPorts": ["80"]}]})",
           "trafficFilter[0].dstPorts: is not a member of this type"},
          {R"({"trafficFilter": [{"srcAddress": []}]})",
           "trafficFilter[0]: names members but no value; write {} to match every packet"},
          {R"({"trafficFilter": [{"srcAddress": ["10.0.0.0/33"]}]})",
           "trafficFilter[0].srcAddress[0]: prefix length 33 exceeds 32"},
          {R"({"trafficFilter": [{"protocol": ["TPC"]}]})",
           "trafficFilter[0].protocol[0]: 'TPC' is not a protocol (a number 0..255, or TCP, UDP, "
           "ICMP, ICMPV6, SCTP, ...)"},
          {R"({"trafficFilter": [{"protocol": ["ICMP"], "dstPort": ["80"]}]})",
           "trafficFilter[0].dstPort: ICMP has no ports"},
          {R"({"trafficFilter": [{"dSCP": 64}]})", "trafficFilter[0].dSCP: 64 is not within 0..63"},
          {R"({"trafficFilter": [{"dSCP": 1, "tC": 1}]})",
           "trafficFilter[0].tC: is of IPv6 packets and dSCP of IPv4 packets; use a filter for "
           "each"},
          {R"({"trafficFilter": [{"dSCP": 1, "dstAddress": ["2001:db8::1"]}]})",
           "trafficFilter[0].dSCP: is of IPv4 packets, the addresses are IPv6"},
          {R"({"trafficFilter": [{"srcAddress": ["10.0.0.1"], "dstAddress": ["::1"]}]})",
           "trafficFilter[0].dstAddress: has no address of the family of srcAddress"},
          {R"({"trafficFilter": [{"tag": [""]}]})", "trafficFilter[0].tag[0]: must not be empty"},
          {R"({"trafficFilter": [{"tag": ["a"], "token": ["b"]}]})",
           "trafficFilter[0].token: is the older name of tag; give one of them"},
          {R"({"action": "FORWARD"})",
           "action: 'FORWARD' is not one of DROP, FORWARD_DECAPSULATED, FORWARD_ENCAPSULATED, "
           "PASSTHROUGH, DUPLICATE_DECAPSULATED, DUPLICATE_ENCAPSULATED, FORWARD_AS_IS, "
           "DUPLICATE_AS_IS"},
          {R"({"action": "DUPLICATE_DECAPSULATED"})",
           "dstInterface: DUPLICATE_* needs exactly two, got 1"},
          {R"({"action": "DROP"})", "dstInterface: DROP takes none, got 1"},
          {R"({"dstInterface": null})", "dstInterface: FORWARD_* needs exactly one, got 0"},
          {R"({"dstInterface": [{}, {}]})", "dstInterface: FORWARD_* needs exactly one, got 2"},
          {R"({"dstInterface": [{}]})", "dstInterface[0].interfaceType: is required"},
          {R"({"dstInterface": "10.9.0.2"})", "dstInterface: must be an object, is string"},
          {R"({"dstInterface": {"interfaceType": "IP", "dstIpAddress": null}})",
           "dstInterface.dstIpAddress: is required for interfaceType IP"},
          {R"({"dstInterface": {"dstIpAddress": "10.9.0.2/24"}})",
           "dstInterface.dstIpAddress: '10.9.0.2/24' is not an IP address"},
          {R"({"dstInterface": {"interfaceType": "MAC"}})",
           "dstInterface.dstMacAddress: is required for interfaceType MAC"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL"}})",
           "dstInterface.tunnelInfo: is required for interfaceType TUNNEL"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GTP_U"}}})",
           "dstInterface.tunnelInfo.tunnelDstAddress: is required to send into the tunnel"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GTP_U",
                "tunnelDstAddress": "10.0.0.1", "tunnelSrcAddress": "::1"}}})",
           "dstInterface.tunnelInfo.tunnelSrcAddress: is not of the family of tunnelDstAddress"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GTP_U",
                "tunnelDstAddress": "10.0.0.1", "tunnelSpecificData": {"teid": 0}}}})",
           "dstInterface.tunnelInfo.tunnelSpecificData.teid: 0 is not within 1..4294967295"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GTP_U",
                "tunnelDstAddress": "10.0.0.1", "tunnelSpecificData": {"teid": 1, "qfi": 64}}}})",
           "dstInterface.tunnelInfo.tunnelSpecificData.qfi: 64 is not within 0..63"},
          {R"({"dstInterface": {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GRE",
                "tunnelDstAddress": "10.0.0.1", "tunnelSpecificData": {"teid": 1}}}})",
           "dstInterface.tunnelInfo.tunnelSpecificData.teid: is not a member of this type"},
          {R"({"state": "active"})", "state: 'active' is not one of ACTIVE, INACTIVE"},
      }) {
    const auto rule = traffic_rule_from_json(traffic_rule(c.patch));
    ASSERT_FALSE(rule) << c.patch;
    EXPECT_EQ(rule.error().to_string(), c.error) << c.patch;
  }
  EXPECT_EQ(traffic_rule_from_json(json::array()).error().to_string(),
            "must be an object, is array");
  EXPECT_EQ(traffic_rule_from_json(traffic_rule(R"({"state": 1})"), "rules[3].rule").error().field,
            "rules[3].rule.state");
}

TEST(TrafficRuleJson, bounds_its_lists) {
  auto rule = traffic_rule();
  rule["trafficFilter"] = json::array();
  for (size_t i = 0; i <= kMaxFilters; ++i) rule["trafficFilter"].push_back(json::object());
  EXPECT_EQ(traffic_rule_from_json(rule).error().to_string(),
            "trafficFilter: has 33 elements, 32 are possible");
  rule["trafficFilter"] = {{{"dstPort", json::array()}}};
  for (size_t i = 0; i <= kMaxValues; ++i) rule["trafficFilter"][0]["dstPort"].push_back("1");
  EXPECT_EQ(traffic_rule_from_json(rule).error().to_string(),
            "trafficFilter[0].dstPort: has 65 elements, 64 are possible");
  rule["trafficFilter"] = {{{"dstPort", {std::string(1000, '9')}}}};
  EXPECT_EQ(traffic_rule_from_json(rule).error().to_string(),
            "trafficFilter[0].dstPort[0]: is longer than 128 characters");
}

TEST(TrafficRuleJson, reads_older_editions_and_ignores_what_is_not_of_the_standard) {
  const auto rule = traffic_rule_from_json(traffic_rule(
      R"({"action": "FORWARD_AS_IS", "serName": "x", "trafficFilter": [{"token": ["t"],
          "srcAddress": []}], "dstInterface": {"dstMacAddress": "", "vendor": 1}})"));
  ASSERT_TRUE(rule) << rule.error().to_string();
  EXPECT_EQ(rule->action, Action::kForwardEncapsulated);
  EXPECT_EQ(to_json(*rule), traffic_rule(R"({"action": "FORWARD_ENCAPSULATED",
                                             "trafficFilter": [{"tag": ["t"]}]})"));
}

TEST(TrafficRuleJson, quotes_input_that_is_safe_to_print) {
  auto rule = traffic_rule();
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "x\xc3\xbc";
  rule["action"] = umlauts;
  const auto error = traffic_rule_from_json(rule).error();
  EXPECT_LT(error.message.size(), 300U);
  EXPECT_NO_THROW(json(error.message).dump());  // no character was cut in two
}

TEST(DnsRuleJson, comes_back_as_it_was_written) {
  for (const auto* patch : {"{}", R"({"ttl": null})", R"({"ttl": 0})", R"({"ttl": 2147483647})",
                            R"({"domainName": "*.Example.", "state": "INACTIVE"})",
                            R"({"ipAddressType": "IP_V6", "ipAddress": "2001:DB8::1"})"}) {
    const auto written = dns_rule(patch);
    const auto rule = dns_rule_from_json(written);
    ASSERT_TRUE(rule) << patch << rule.error().to_string();
    EXPECT_EQ(to_json(*rule), written);
  }
  EXPECT_EQ(dns_rule_from_json(dns_rule())->domain_name.value.name, "video.example");
}

TEST(DnsRuleJson, names_the_member_that_is_wrong) {
  for (const auto& c : std::vector<Case>{
           {R"({"dnsRuleId": ""})",
            "dnsRuleId: must be 1 to 128 letters, digits or characters of -_.~:@+"},
           {R"({"domainName": null})", "domainName: is required"},
           {R"({"domainName": "a..b"})", "domainName: 'a..b' has an empty label"},
           {R"({"ipAddressType": "IPV4"})", "ipAddressType: 'IPV4' is not one of IP_V4, IP_V6"},
           {R"({"ipAddressType": "IP_V6"})", "ipAddress: '10.9.0.2' is not of ipAddressType IP_V6"},
           {R"({"ipAddress": "10.9.0"})", "ipAddress: '10.9.0' is not an IP address"},
           {R"({"ttl": 2147483648})", "ttl: 2147483648 is not within 0..2147483647"},
           {R"({"ttl": -1})", "ttl: -1 is not within 0..2147483647"},
           {R"({"state": null})", "state: is required"},
       }) {
    const auto rule = dns_rule_from_json(dns_rule(c.patch));
    ASSERT_FALSE(rule) << c.patch;
    EXPECT_EQ(rule.error().to_string(), c.error) << c.patch;
  }
}

}  // namespace
}  // namespace sluice::traffic_rules
