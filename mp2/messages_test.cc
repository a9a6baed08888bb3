#include "mp2/messages.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "mp2/test_rules.h"

namespace sluice::mp2 {
namespace {

using nlohmann::json;
using traffic_rules::Action;
using traffic_rules::InterfaceType;

GuaranteeEntry guarantee(const std::string& key) {
  traffic_rules::TrafficFilter flow;
  flow.src_address = {{*traffic_rules::IpRange::parse("10.45.0.2"), "10.45.0.2"}};
  flow.protocol = {{17, "UDP"}};
  return {key, 3, 5'000'000, 64'000, "app", {flow}};
}

std::vector<Message> one_of_each() {
  return {
      Hello{"i-1",
            {"store", 7},
            {{Action::kDrop, Action::kPassthrough}, {InterfaceType::kIp}, 1000, 100}},
      Replace{{"store", 8}, {rule_entry("app", "r1")}, {dns_entry("app", "d1")}, {}},
      Replace{{"store", 8}, {}, {}, {}, {guarantee("camera-7"), {"of-app", 4, 1, 0, "app", {}}}},
      Update{{"store", 9},
             8,
             {rule_entry("app", "r2")},
             {"app/r1"},
             {dns_entry("app", "d2")},
             {"app/d1"},
             {},
             {guarantee("camera-7")},
             {"camera-6"}},
      Applied{9,
              {{RuleKind::kTraffic, "app/r2", "no TUNNEL here"},
               {RuleKind::kDns, "app/r2", "no"},
               {RuleKind::kGuarantee, "camera-7", "no"}}},
      Refused{9, RefusalCode::kResync, "base 8 is not installed"},
      Status{
          9,
          {{"app/r2", SteeringState::kSuspended, "10.9.0.2 does not answer", 1234567890123, 5, 6}},
          {{"app/d2", SteeringState::kSteering, "", 1, 2, 0}},
          {{"camera-7", SteeringState::kSteering, "", 1, 2, 3000}}},
      Tags{"store",
           {{"gold", {*IpPrefix::parse("10.45.0.2"), *IpPrefix::parse("2001:db8::/64")}},
            {"nobody", {}}}},
  };
}

TEST(Messages, come_back_from_one_line) {
  for (const auto& message : one_of_each()) {
    const auto line = encode(message);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto decoded = decode(std::string_view(line).substr(0, line.size() - 1));
    ASSERT_TRUE(decoded) << line << decoded.error().to_string();
    EXPECT_EQ(*decoded, message) << line;
  }
}

TEST(Messages, every_cut_of_a_line_is_refused) {
  for (const auto& message : one_of_each()) {
    const auto line = encode(message);
    for (size_t n = 0; n + 2 < line.size(); ++n) {
      EXPECT_FALSE(decode(std::string_view(line).substr(0, n))) << line.substr(0, n);
    }
  }
}

struct Case {
  const char* line;
  const char* error;
};

TEST(Messages, name_the_member_that_is_wrong) {
  for (const auto& c : std::vector<Case>{
           {"", "the line is not JSON"},
           {"{}}", "the line is not JSON"},
           {"[]", "must be an object, is array"},
           {"{}", "type: is required"},
           {R"({"type":"stop"})", "type: 'stop' is not a message"},
           {R"({"type":"hello","version":2})", "version: 2 is not within 1..1"},
           {R"({"type":"applied","generation":-1})",
            "generation: -1 is not within 0..9223372036854775807"},
           {R"({"type":"replace","source":"s","generation":1,"dns":[]})", "rules: is required"},
           {R"({"type":"replace","source":"s","generation":1,"rules":[{"key":"a/b"}],"dns":[]})",
            "rules[0].app_instance_id: is required"},
           {R"({"type":"update","source":"s","generation":1,"base_generation":0,
                "remove_rules":["a/b","a/b"],"upsert_rules":[],"remove_dns":[],"upsert_dns":[]})",
            "remove_rules[1]: 'a/b' appears twice"},
           {R"({"type":"update","source":"s","generation":1,"base_generation":0,
                "remove_rules":[1],"upsert_rules":[],"remove_dns":[],"upsert_dns":[]})",
            "remove_rules[0]: must be a string, is number"},
           {R"({"type":"applied","generation":1,"rejected":[{"key":"k","reason":"r"}]})",
            "rejected[0].kind: is required"},
           {R"({"type":"status","generation":1,"rules":[{"key":"k","state":"GONE"}]})",
            "rules[0].state: 'GONE' is not one of STEERING, SUSPENDED, REJECTED, HIDDEN"},
           {R"({"type":"tags","source":"s"})", "tags: is required"},
           {R"({"type":"tags","source":"s","tags":[{"tag":"t"}]})",
            "tags[0].addresses: is required"},
           {R"({"type":"tags","source":"s","tags":[{"tag":"t","addresses":["10.0.0.0/33"]}]})",
            "tags[0].addresses[0]: prefix length 33 exceeds 32"},
           {R"({"type":"tags","source":"s","tags":[{"tag":"t","addresses":[7]}]})",
            "tags[0].addresses[0]: must be a string"},
           {R"({"type":"tags","source":"s","tags":[{"tag":"t","addresses":[]},
                                                   {"tag":"t","addresses":[]}]})",
            "tags[1].tag: 't' appears twice"},
       }) {
    const auto message = decode(c.line);
    ASSERT_FALSE(message) << c.line;
    EXPECT_EQ(message.error().to_string(), c.error) << c.line;
  }
}

// A valid message as JSON, for breaking.
json json_of(const Message& message) { return json::parse(encode(message)); }

TEST(Messages, one_unreadable_rule_does_not_cost_the_others) {
  auto line = json_of(Replace{{"s", 1}, {rule_entry("a", "x"), rule_entry("a", "y")}, {}, {}});
  line["rules"][0]["rule"]["priority"] = 256;
  const auto replace = std::get<Replace>(*decode(line.dump()));
  EXPECT_THAT(replace.rules, testing::ElementsAre(rule_entry("a", "y")));
  EXPECT_THAT(replace.unreadable,
              testing::ElementsAre(
                  Rejection{RuleKind::kTraffic, "a/x", "priority: 256 is not within 0..255"}));
}

TEST(Messages, a_guarantee_of_flows_that_do_not_read_is_none) {
  auto line =
      json_of(Update{{"s", 2}, 1, {}, {}, {}, {}, {}, {guarantee("a"), guarantee("b")}, {}});
  line["upsert_guarantees"][0]["flows"][0]["dstPort"] = {"http"};
  const auto update = std::get<Update>(*decode(line.dump()));
  EXPECT_THAT(update.upsert_guarantees, testing::ElementsAre(guarantee("b")));
  EXPECT_THAT(update.remove_guarantees, testing::ElementsAre("a"));
  ASSERT_EQ(update.unreadable.size(), 1U);
  EXPECT_EQ(update.unreadable[0].kind, RuleKind::kGuarantee);
}

TEST(Messages, an_unreadable_rule_of_an_update_takes_its_predecessor_away) {
  auto line =
      json_of(Update{{"s", 2}, 1, {rule_entry("a", "x")}, {}, {dns_entry("a", "d")}, {}, {}});
  line["upsert_rules"][0]["rule"]["action"] = "TELEPORT";
  line["upsert_dns"][0]["rule"]["ttl"] = "long";
  const auto update = std::get<Update>(*decode(line.dump()));
  EXPECT_THAT(update.upsert_rules, testing::IsEmpty());
  EXPECT_THAT(update.remove_rules, testing::ElementsAre("a/x"));
  EXPECT_THAT(update.remove_dns, testing::ElementsAre("a/d"));
  ASSERT_EQ(update.unreadable.size(), 2U);
  EXPECT_EQ(update.unreadable[0].kind, RuleKind::kTraffic);
  EXPECT_EQ(update.unreadable[1].kind, RuleKind::kDns);
}

TEST(Messages, a_key_must_name_its_rule) {
  auto line = json_of(Replace{{"s", 1}, {rule_entry("a", "x")}, {}, {}});
  line["rules"][0]["key"] = "b/x";
  EXPECT_EQ(decode(line.dump()).error().to_string(),
            "rules[0].key: 'b/x' is not the key of this rule");
}

TEST(Messages, survive_a_reason_that_is_not_utf8) {
  EXPECT_TRUE(decode(encode(Refused{1, RefusalCode::kInvalid, "\xff\xfe"})));
}

}  // namespace
}  // namespace sluice::mp2
