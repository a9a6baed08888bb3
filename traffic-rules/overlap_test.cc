#include "traffic-rules/overlap.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "traffic-rules/compile.h"
#include "traffic-rules/json.h"

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

CompiledRule make(int priority, uint64_t order, const json& filters,
                  const char* filter_type = "FLOW") {
  const auto rule = traffic_rule_from_json({{"trafficRuleId", "r"},
                                            {"filterType", filter_type},
                                            {"priority", priority},
                                            {"trafficFilter", filters},
                                            {"action", "DROP"},
                                            {"state", "ACTIVE"}});
  EXPECT_TRUE(rule) << rule.error().to_string();
  return *compile("app/" + std::to_string(order), order, *rule);
}

struct Case {
  const char* what;
  const char* winner;  // filters of the rule with the higher priority
  const char* loser;
  bool hidden;
  bool yields;
};

TEST(FindConflicts, tells_hidden_from_partly_hidden_from_free) {
  for (const auto& c : std::vector<Case>{
           {"the same", R"([{"dstPort": ["80"]}])", R"([{"dstPort": ["80"]}])", true, false},
           {"all packets hide everything", R"([{}])", R"([{"dSCP": 3}])", true, false},
           {"wider prefix", R"([{"dstAddress": ["10.0.0.0/8"]}])",
            R"([{"dstAddress": ["10.1.0.0/16"], "protocol": ["TCP"]}])", true, false},
           {"narrower prefix", R"([{"dstAddress": ["10.1.0.0/16"]}])",
            R"([{"dstAddress": ["10.0.0.0/8"]}])", false, true},
           {"other prefix", R"([{"dstAddress": ["10.1.0.0/16"]}])",
            R"([{"dstAddress": ["10.2.0.0/16"]}])", false, false},
           {"ranges in a range", R"([{"dstAddress": ["10.0.0.3-10.0.9.9"]}])",
            R"([{"dstAddress": ["10.0.0.4-10.0.3.7", "10.0.9.9"]}])", true, false},
           {"two halves of one list", R"([{"dstAddress": ["10.0.0.0/25", "10.0.0.128/25"]}])",
            R"([{"dstAddress": ["10.0.0.0/24"]}])", true, false},
           {"crossing port ranges", R"([{"dstPort": ["10-20"]}])", R"([{"dstPort": ["15-25"]}])",
            false, true},
           {"all ports are not all packets", R"([{"dstPort": ["0-65535"]}])", R"([{}])", false,
            true},
           {"source against destination", R"([{"srcAddress": ["10.0.0.1"]}])",
            R"([{"dstAddress": ["10.0.0.1"]}])", false, true},
           {"families", R"([{"dstAddress": ["0.0.0.0/0"]}])", R"([{"dstAddress": ["::/0"]}])",
            false, false},
           {"one of two filters free", R"([{"dstPort": ["80"]}])",
            R"([{"dstPort": ["80"]}, {"dstPort": ["81"]}])", false, true},
       }) {
    const std::vector rules = {make(1, 1, json::parse(c.loser)), make(2, 2, json::parse(c.winner))};
    const auto conflicts = find_conflicts(rules);
    EXPECT_EQ(conflicts[0].hidden_by, c.hidden ? std::vector<size_t>{1} : std::vector<size_t>{})
        << c.what;
    EXPECT_EQ(conflicts[0].yields_to, c.yields ? std::vector<size_t>{1} : std::vector<size_t>{})
        << c.what;
    EXPECT_THAT(conflicts[1].hidden_by, IsEmpty()) << c.what;
    EXPECT_THAT(conflicts[1].yields_to, IsEmpty()) << c.what;
  }
}

TEST(FindConflicts, several_rules_can_hide_one_together) {
  const std::vector rules = {make(1, 1, {{{"dstPort", {"80", "443"}}}}),
                             make(5, 2, {{{"dstPort", {"80"}}}}),
                             make(5, 3, {{{"dstPort", {"400-500"}}}})};
  EXPECT_THAT(find_conflicts(rules)[0].hidden_by, ElementsAre(1, 2));
}

TEST(FindConflicts, a_flow_is_not_hidden_while_its_replies_are_free) {
  const json filter = {{{"dstAddress", {"192.0.2.1"}}}};
  const std::vector rules = {make(1, 1, filter, "FLOW"), make(2, 2, filter, "PACKET")};
  EXPECT_THAT(find_conflicts(rules)[0].hidden_by, IsEmpty());
  EXPECT_THAT(find_conflicts(rules)[0].yields_to, ElementsAre(1));
}

TEST(FindConflicts, reports_a_bounded_number_of_overlaps) {
  std::vector rules = {make(1, 0, {{{"protocol", {"TCP"}}}})};
  for (int i = 1; i <= 20; ++i) {
    rules.push_back(make(2, static_cast<uint64_t>(i), {{{"dstPort", {std::to_string(i)}}}}));
  }
  const auto conflicts = find_conflicts(rules);
  EXPECT_EQ(conflicts[0].yields_to.size(), kMaxReportedOverlaps);
  EXPECT_TRUE(conflicts[0].more_overlaps);
}

// Random rules over few values, so that every kind of relation occurs.
class RandomRules {
 public:
  CompiledRule next(uint64_t order) {
    json filter = json::object();
    if (chance()) filter["srcAddress"] = {address()};
    if (chance()) filter["dstAddress"] = {address(), address()};
    if (chance()) filter["dstPort"] = {port()};
    if (chance()) filter["protocol"] = {"6"};
    auto rule =
        make(static_cast<int>(pick(3)), order, json::array({filter}), chance() ? "FLOW" : "PACKET");
    if (pick(4) == 0) rule.scope = {{.dnn = "internet"}};
    if (pick(4) == 0) rule.scope.push_back({.dnn = "", .snssai = Snssai{.sst = 1}});
    return rule;
  }
  PacketFields packet() {
    PacketFields out;
    out.src = Ipv4Address(pick(4));
    out.dst = Ipv4Address(pick(4));
    out.protocol = chance() ? 6 : 17;
    out.network.dnn = chance() ? "internet" : "ims";
    if (chance()) out.network.snssai = Snssai{.sst = 1};
    out.ports = {static_cast<uint16_t>(pick(4)), static_cast<uint16_t>(pick(4))};
    return out;
  }

 private:
  uint32_t pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool chance() { return pick(2) == 0; }
  std::string address() {
    const auto low = pick(4);
    return fmt::format("0.0.0.{}-0.0.0.{}", low, low + pick(4 - low));
  }
  std::string port() {
    const auto low = pick(4);
    return fmt::format("{}-{}", low, low + pick(4 - low));
  }
  std::mt19937 random_{7};
};

// The same by looking at all pairs.
bool hidden_by_definition(const std::vector<CompiledRule>& rules, const CompiledRule& rule) {
  for (const auto direction : {Direction::kUplink, Direction::kDownlink}) {
    for (const auto& box : rule.boxes(direction)) {
      const bool covered = std::any_of(rules.begin(), rules.end(), [&](const auto& other) {
        const auto& boxes = other.boxes(direction);
        return precedes(other, rule) && covers(other.scope, rule.scope) &&
               std::any_of(boxes.begin(), boxes.end(),
                           [&](const auto& outer) { return covers(outer, box); });
      });
      if (!covered) return false;
    }
  }
  return true;
}

TEST(FindConflicts, agrees_with_all_pairs_and_with_packets) {
  RandomRules random;
  size_t hidden_rules = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<CompiledRule> rules;
    for (uint64_t i = 0; i < 12; ++i) rules.push_back(random.next(i));
    const auto conflicts = find_conflicts(rules);
    for (size_t i = 0; i < rules.size(); ++i) {
      const bool hidden = !conflicts[i].hidden_by.empty();
      hidden_rules += hidden ? 1 : 0;
      ASSERT_EQ(hidden, hidden_by_definition(rules, rules[i]));
    }
    for (int n = 0; n < 300; ++n) {
      const auto packet = random.packet();
      for (const auto direction : {Direction::kUplink, Direction::kDownlink}) {
        const auto* winner = first_match(rules, direction, packet);
        if (winner == nullptr) continue;
        const auto& fate = conflicts[static_cast<size_t>(winner - rules.data())];
        ASSERT_THAT(fate.hidden_by, IsEmpty()) << "a hidden rule decided";
        // Whoever loses a packet knows to whom (up to the bound on reports).
        for (size_t i = 0; i < rules.size(); ++i) {
          if (&rules[i] == winner || !conflicts[i].hidden_by.empty()) continue;
          if (first_match({&rules[i], 1}, direction, packet) == nullptr) continue;
          ASSERT_THAT(conflicts[i].yields_to,
                      testing::Contains(static_cast<size_t>(winner - rules.data())));
        }
      }
    }
  }
  EXPECT_GT(hidden_rules, 50U);  // the rules were not all unrelated
}

}  // namespace
}  // namespace sluice::traffic_rules
