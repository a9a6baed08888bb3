#include "mep/app-enablement/rule_freedom.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "mep/app-enablement/filter_containment.h"
#include "traffic-rules/json.h"

namespace sluice::mep {
namespace {

using nlohmann::json;

json traffic() {
  return json::parse(R"({
    "trafficRuleId": "video", "filterType": "FLOW", "priority": 10,
    "trafficFilter": [{"dstAddress": ["198.51.100.0/24"], "dstPort": ["80-90"],
                       "protocol": ["TCP"]},
                      {"srcAddress": ["10.0.0.1-10.0.0.9"], "tag": ["a", "b"]}],
    "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.2"}, "state": "ACTIVE"})");
}

json dns() {
  return json::parse(R"({
    "dnsRuleId": "name", "domainName": "video.example", "ipAddressType": "IP_V4",
    "ipAddress": "10.9.0.2", "ttl": 30, "state": "ACTIVE"})");
}

struct Case {
  const char* behaviour;
  const char* freedom;
  const char* patch;     // merged into the declared rule (RFC 7396)
  const char* offender;  // the member that is refused; null: allowed
};

const Case kTraffic[] = {
    {"as declared", "{}", "{}", nullptr},
    {"the state is always free", "{}", R"({"state": "INACTIVE"})", nullptr},
    {"nothing else is", "{}", R"({"priority": 11})", "priority"},
    {"one destination may stand in a list", "{}",
     R"({"dstInterface": [{"interfaceType": "IP", "dstIpAddress": "10.9.0.2"}]})", nullptr},
    {"priority inside", R"({"priority": {"lowest": 5, "highest": 20}})", R"({"priority": 20})",
     nullptr},
    {"priority outside", R"({"priority": {"lowest": 5, "highest": 20}})", R"({"priority": 21})",
     "priority"},
    {"the declared priority outside its own bounds",
     R"({"priority": {"lowest": 50, "highest": 60}})", "{}", nullptr},
    {"a freedom for one member frees no other", R"({"priority": {"lowest": 5, "highest": 20}})",
     R"({"priority": 20, "filterType": "PACKET"})", "filterType"},
    {"narrower filter", R"({"narrowerFilter": true})",
     R"({"trafficFilter": [{"dstAddress": ["198.51.100.7"], "dstPort": ["80"],
                            "protocol": ["TCP"]}]})",
     nullptr},
    {"filters may not change at all", R"({"priority": {"lowest": 5, "highest": 20}})",
     R"({"trafficFilter": [{"dstAddress": ["198.51.100.7"], "dstPort": ["80"],
                            "protocol": ["TCP"]}]})",
     "trafficFilter"},
    {"wider in one condition", R"({"narrowerFilter": true})",
     R"({"trafficFilter": [{"dstAddress": ["198.51.100.7"], "dstPort": ["80"]}]})",
     "trafficFilter[0]"},
    {"the second filter is the wide one", R"({"narrowerFilter": true})",
     R"({"trafficFilter": [{"dstAddress": ["198.51.100.7"], "dstPort": ["80"],
                            "protocol": ["TCP"]}, {}]})",
     "trafficFilter[1]"},
    {"another action", R"({"actions": ["PASSTHROUGH"]})", R"({"action": "PASSTHROUGH"})", nullptr},
    {"another action without its destination", R"({"actions": ["DROP"]})",
     R"({"action": "DROP", "dstInterface": null})", nullptr},
    {"an action that is not on offer", R"({"actions": ["PASSTHROUGH"]})",
     R"({"action": "DROP", "dstInterface": null})", "action"},
    {"another action is no other destination", R"({"actions": ["FORWARD_ENCAPSULATED"]})",
     R"({"action": "FORWARD_ENCAPSULATED",
         "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.3"}})",
     "dstInterface"},
    {"destination inside", R"({"dstIpAddresses": ["10.9.0.0/28"]})",
     R"({"dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.15"}})", nullptr},
    {"destination outside", R"({"dstIpAddresses": ["10.9.0.0/28"]})",
     R"({"dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.16"}})", "dstInterface"},
    {"destination of another kind", R"({"dstIpAddresses": ["10.9.0.0/28"]})",
     R"({"dstInterface": {"interfaceType": "MAC", "dstIpAddress": null,
                          "dstMacAddress": "02-00-00-00-00-01"}})",
     "dstInterface"},
};

const Case kDns[] = {
    {"the state is always free", "{}", R"({"state": "INACTIVE"})", nullptr},
    {"nothing else is", "{}", R"({"ipAddress": "10.9.0.3"})", "ipAddress"},
    {"address inside", R"({"ipAddresses": ["10.9.0.0/28"]})", R"({"ipAddress": "10.9.0.3"})",
     nullptr},
    {"address outside", R"({"ipAddresses": ["10.9.0.0/28"]})", R"({"ipAddress": "10.9.1.3"})",
     "ipAddress"},
    {"the other family inside", R"({"ipAddresses": ["10.9.0.0/28", "2001:db8::/64"]})",
     R"({"ipAddressType": "IP_V6", "ipAddress": "2001:db8::1"})", nullptr},
    {"ttl inside", R"({"ttl": {"lowest": 0, "highest": 300}})", R"({"ttl": 0})", nullptr},
    {"ttl outside", R"({"ttl": {"lowest": 0, "highest": 300}})", R"({"ttl": 301})", "ttl"},
    {"no ttl is forever and not inside", R"({"ttl": {"lowest": 0, "highest": 300}})",
     R"({"ttl": null})", "ttl"},
    {"the name is never free", R"({"ttl": {"lowest": 0, "highest": 300}})",
     R"({"domainName": "other.example"})", "domainName"},
};

template <typename Rule, typename RuleFreedom>
void judge(const Case& c, const Result<Rule>& declared, const Result<RuleFreedom>& freedom,
           const Result<Rule>& wanted) {
  ASSERT_TRUE(declared && wanted && freedom) << c.behaviour;
  const auto verdict = check_change(*declared, *freedom, *wanted);
  EXPECT_EQ(verdict.has_value(), c.offender == nullptr) << c.behaviour;
  if (verdict || c.offender == nullptr) return;
  EXPECT_EQ(verdict.error().field, c.offender) << c.behaviour;
  EXPECT_EQ(verdict.error().code, ErrorCode::kPermissionDenied) << c.behaviour;
}

TEST(RuleFreedom, LetsAnAppChangeWhatIsDeclaredFreeAndNothingElse) {
  for (const auto& c : kTraffic) {
    auto patched = traffic();
    patched.merge_patch(json::parse(c.patch));
    judge(c, traffic_rules::traffic_rule_from_json(traffic()),
          traffic_rule_freedom_from_json(json::parse(c.freedom)),
          traffic_rules::traffic_rule_from_json(patched));
  }
  for (const auto& c : kDns) {
    auto patched = dns();
    patched.merge_patch(json::parse(c.patch));
    judge(c, traffic_rules::dns_rule_from_json(dns()),
          dns_rule_freedom_from_json(json::parse(c.freedom)),
          traffic_rules::dns_rule_from_json(patched));
  }
}

TEST(RuleFreedom, ReadsBackAsWritten) {
  const auto text = R"({"narrowerFilter": true, "priority": {"lowest": 1, "highest": 9},
    "actions": ["DROP", "PASSTHROUGH"], "dstIpAddresses": ["10.0.0.0/8", "2001:db8::1"]})";
  EXPECT_EQ(to_json(traffic_rule_freedom_from_json(json::parse(text)).value()), json::parse(text));
  EXPECT_EQ(to_json(TrafficRuleFreedom{}), json::object());
  const auto name = R"({"ipAddresses": ["10.0.0.1-10.0.0.9"], "ttl": {"lowest": 0,
    "highest": 2147483647}})";
  EXPECT_EQ(to_json(dns_rule_freedom_from_json(json::parse(name)).value()), json::parse(name));
}

TEST(RuleFreedom, ReadingNamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"priority": {"lowest": 5}})", "f.priority.highest"},
      {R"({"priority": {"lowest": 5, "highest": 4}})", "f.priority.lowest"},
      {R"({"priority": {"lowest": 0, "highest": 256}})", "f.priority.highest"},
      {R"({"actions": ["DROP", "FLY"]})", "f.actions[1]"},
      {R"({"dstIpAddresses": ["10.0.0.0/8", "x"]})", "f.dstIpAddresses[1]"},
      {R"({"dstIpAddresses": [1]})", "f.dstIpAddresses[0]"},
      {R"({"prio": {}})", "f.prio"},
  };
  for (const auto& [text, field] : cases) {
    const auto freedom = traffic_rule_freedom_from_json(json::parse(text), "f");
    ASSERT_FALSE(freedom) << text;
    EXPECT_EQ(freedom.error().field, field);
  }
}

// Filters as JSON; whether the second list stays inside the first.
struct Containment {
  const char* outer;
  const char* inner;
  bool inside;
};

TEST(FilterContainment, IsDecidedByWhatFiltersMatch) {
  const Containment cases[] = {
      {R"([{}])", R"([{"dstPort": ["80"]}])", true},
      {R"([{"dstPort": ["80"]}])", R"([{}])", false},
      // A port condition excludes packets that have no ports.
      {R"([{"dstPort": ["0-65535"]}])", R"([{}])", false},
      // A range inside a range, although neither is a prefix.
      {R"([{"srcAddress": ["10.0.0.1-10.0.0.14"]}])", R"([{"srcAddress": ["10.0.0.3-10.0.0.12"]}])",
       true},
      {R"([{"srcAddress": ["10.0.0.1-10.0.0.14"]}])", R"([{"srcAddress": ["10.0.0.3-10.0.0.15"]}])",
       false},
      // Neighbouring values are one range.
      {R"([{"dstPort": ["80", "81-85"]}])", R"([{"dstPort": ["80-85"]}])", true},
      {R"([{"srcAddress": ["10.0.0.0/25", "10.0.0.128/25"]}])",
       R"([{"srcAddress": ["10.0.0.0/24"]}])", true},
      // Either of several filters.
      {R"([{"dstPort": ["80"]}, {"dstPort": ["443"]}])",
       R"([{"dstPort": ["443"], "protocol": ["TCP"]}, {"dstPort": ["80"]}])", true},
      {R"([{"dstPort": ["80"]}, {"dstPort": ["443"]}])", R"([{"dstPort": ["80", "443"]}])", true},
      {R"([{"dstPort": ["80"]}])", R"([{"srcPort": ["80"]}])", false},
      {R"([{"srcAddress": ["10.0.0.0/8"]}])", R"([{"srcAddress": ["2001:db8::/32"]}])", false},
      {R"([{"dSCP": 10}])", R"([{"dSCP": 10, "protocol": ["UDP"]}])", true},
      {R"([{"dSCP": 10}])", R"([{"tC": 40}])", false},
      // Tags by name, never by the users they happen to have.
      {R"([{"tag": ["a", "b"]}])", R"([{"tag": ["b"], "dstPort": ["80"]}])", true},
      {R"([{"tag": ["a"]}])", R"([{"tag": ["a", "c"]}])", false},
      {R"([{"tag": ["a"]}])", R"([{"dstPort": ["80"]}])", false},
      {R"([{"tag": ["a"], "dstPort": ["80"]}])", R"([{"tag": ["a"]}])", false},
      {R"([{"dstPort": ["80"]}])", R"([{"tag": ["x"], "dstPort": ["80"]}])", true},
      {R"([{"dstPort": ["80"]}])", R"([{"tag": ["x"]}])", false},
      {R"([{"srcTunnelAddress": ["10.0.0.0/8"]}])", R"([{"srcTunnelAddress": ["10.1.0.0/16"]}])",
       true},
  };
  const auto filters = [](const char* text) {
    auto rule = traffic();
    rule["trafficFilter"] = json::parse(text);
    return traffic_rules::traffic_rule_from_json(rule).value().traffic_filter;
  };
  for (const auto& c : cases) {
    EXPECT_EQ(check_contained(filters(c.outer), filters(c.inner)).has_value(), c.inside)
        << c.outer << " " << c.inner;
  }
}

}  // namespace
}  // namespace sluice::mep
