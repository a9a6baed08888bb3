// Rates that rules of the platform guarantee, from Mp2 to the packet.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "traffic-rules/json.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using testing::TestSite;

mp2::RuleEntry pass_to_port(const std::string& id, uint16_t port,
                            std::optional<mp2::Guarantee> guarantee) {
  const auto rule = traffic_rules::traffic_rule_from_json(
      {{"trafficRuleId", id},
       {"filterType", "FLOW"},
       {"priority", 1},
       {"trafficFilter", {{{"dstPort", {std::to_string(port)}}}}},
       {"action", "PASSTHROUGH"},
       {"state", "ACTIVE"}});
  return {"app/" + id, "app", port, rule.value(), std::move(guarantee)};
}

class RuleGuaranteesTest : public ::testing::Test {
 protected:
  RuleGuaranteesTest() : teid_(site_.add_ue(2)) {}

  void set_rules(std::vector<mp2::RuleEntry> rules) {
    mp2::Replace replace;
    replace.version = {"test", ++site_.generation};
    replace.rules = std::move(rules);
    ASSERT_TRUE(site_.steering->apply(std::move(replace)));
  }
  // How many of 30 packets of 1000 bytes are guaranteed; all pass.
  int guaranteed(uint16_t port) {
    int count = 0;
    for (int i = 0; i < 30; ++i) {
      const auto outcome = site_.run(testing::kN3, testing::eth(testing::kOwnMac, testing::kGnbMac)
                                                       .ipv4("192.168.3.2", "192.168.3.1")
                                                       .udp(2152, 2152)
                                                       .gtpu(teid_.value(), 9)
                                                       .ipv4("10.45.0.2", "198.51.100.7")
                                                       .udp(4000, port)
                                                       .payload(std::vector<uint8_t>(972))
                                                       .frame());
      EXPECT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
      count += outcome.guaranteed ? 1 : 0;
    }
    return count;
  }

  TestSite site_;
  Teid teid_;
};

TEST_F(RuleGuaranteesTest, protect_what_the_rule_decides_up_to_its_rate) {
  set_rules({pass_to_port("a", 80, mp2::Guarantee{"a", 8'000'000, 0}), pass_to_port("b", 81, {})});
  EXPECT_EQ(guaranteed(80), 15) << "15 ms of 8 Mb/s";
  EXPECT_EQ(guaranteed(81), 0);
  site_.clock.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(guaranteed(80), 10);
}

TEST_F(RuleGuaranteesTest, are_one_for_all_rules_with_the_same_key) {
  set_rules({pass_to_port("a", 80, mp2::Guarantee{"app", 4'000'000, 0}),
             pass_to_port("b", 81, mp2::Guarantee{"app", 8'000'000, 0})});
  EXPECT_EQ(guaranteed(80), 15) << "the largest counts";
  EXPECT_EQ(guaranteed(81), 0) << "spent by the other rule";
}

TEST_F(RuleGuaranteesTest, remember_what_is_spent_when_rules_change_and_go_with_them) {
  const auto protected_rule = pass_to_port("a", 80, mp2::Guarantee{"a", 8'000'000, 0});
  set_rules({protected_rule});
  EXPECT_EQ(guaranteed(80), 15);
  set_rules({protected_rule, pass_to_port("b", 81, {})});
  EXPECT_EQ(guaranteed(80), 0);
  set_rules({pass_to_port("a", 80, {})});
  site_.clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(guaranteed(80), 0);
}

}  // namespace
}  // namespace sluice::upf
