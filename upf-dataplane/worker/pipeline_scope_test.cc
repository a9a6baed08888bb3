// Rules about the users of some data networks and slices.
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using traffic_rules::Snssai;

std::string drop(const char* id, int priority, const char* scope, const char* filter = "{}") {
  return fmt::format(
      R"({{"trafficRuleId": "{}", "filterType": "FLOW", "priority": {}, "trafficFilter": [{}],
           "action": "DROP", "scope": {}, "state": "ACTIVE"}})",
      id, priority, filter, scope);
}

class ScopeTest : public ::testing::Test {
 protected:
  ScopeTest() {
    site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
    site.alive[{kN6, "192.168.6.2"}] = kGatewayMac;
    site.pass(Neighbours::kTick * 6);
  }
  void add(uint32_t ue, const char* dnn, std::optional<Snssai> snssai) {
    SessionSpec spec = site.ue_session(ue);
    spec.dnn = dnn;
    spec.snssai = snssai;
    ASSERT_TRUE(site.sessions->install(spec));
    teids[ue] = spec.pdrs.at(PdrId(1)).f_teid->teid;
    site.answer(kN3, "192.168.3.2", kGnbMac);
  }
  // Whether rules let the UE's packets of both directions pass; they have to agree.
  bool passes(uint32_t ue) {
    const std::string address = TestSite::ue_v4(ue).to_string();
    const auto up = site.run(kN3, eth(kOwnMac, kGnbMac)
                                      .ipv4("192.168.3.2", "192.168.3.1")
                                      .udp(2152, 2152)
                                      .gtpu(teids.at(ue).value(), 9)
                                      .ipv4(address, "203.0.113.10")
                                      .udp(4000, 80)
                                      .frame());
    const auto down = site.run(
        kN6, eth(kOwnMac, kGatewayMac).ipv4("203.0.113.10", address).udp(80, 4000).frame());
    EXPECT_EQ(up.verdict, down.verdict) << "UE " << ue;
    if (up.verdict != Verdict::kSend) {
      EXPECT_EQ(up.drop, DropReason::kRuleDrop) << "UE " << ue;
    }
    return up.verdict == Verdict::kSend;
  }

  TestSite site;
  std::map<uint32_t, Teid> teids;
};

TEST_F(ScopeTest, a_rule_is_about_the_sessions_that_it_names) {
  add(2, "internet", Snssai{.sst = 1});
  add(3, "Internet.mnc001.mcc262.gprs", Snssai{.sst = 1, .sd = 7});
  add(4, "ims", std::nullopt);
  struct Case {
    const char* scope;
    bool two, three, four;  // pass
  };
  for (const auto& c :
       std::vector<Case>{{R"([{"dnn": "internet"}])", false, false, true},
                         {R"([{"dnn": "internet", "sNssai": {"sst": 1}}])", false, true, true},
                         {R"([{"sNssai": {"sst": 1, "sd": "000007"}}])", true, false, true},
                         {R"([{"dnn": "IMS"}, {"sNssai": {"sst": 1}}])", false, true, false},
                         {R"([{"dnn": "elsewhere"}])", true, true, true},
                         {R"([])", false, false, false}}) {
    site.set_rules({drop("r", 1, c.scope)});
    EXPECT_EQ(passes(2), c.two) << c.scope;
    EXPECT_EQ(passes(3), c.three) << c.scope;
    EXPECT_EQ(passes(4), c.four) << c.scope;
  }
}

TEST_F(ScopeTest, a_rule_that_waited_for_its_network_acts_on_the_first_session) {
  site.set_rules({drop("r", 1, R"([{"dnn": "ims"}])")});
  add(2, "internet", std::nullopt);
  EXPECT_TRUE(passes(2));
  add(3, "ims", std::nullopt);
  EXPECT_FALSE(passes(3));
  EXPECT_EQ(site.rule_status("r").hits, 2U);
}

TEST_F(ScopeTest, a_session_that_changes_its_slice_changes_its_rules) {
  site.set_rules({drop("r", 1, R"([{"sNssai": {"sst": 2}}])")});
  SessionSpec spec = site.ue_session(2);
  ASSERT_TRUE(site.sessions->install(spec));
  teids[2] = spec.pdrs.at(PdrId(1)).f_teid->teid;
  site.answer(kN3, "192.168.3.2", kGnbMac);
  EXPECT_TRUE(passes(2));
  spec.snssai = Snssai{.sst = 2};
  ASSERT_TRUE(site.sessions->install(spec));
  EXPECT_FALSE(passes(2)) << "a cached flow, too";
}

TEST_F(ScopeTest, precedence_holds_among_rules_with_and_without_a_scope) {
  add(2, "internet", std::nullopt);
  add(3, "ims", std::nullopt);
  const std::string pass =
      R"({"trafficRuleId": "p", "filterType": "FLOW", "priority": 5, "trafficFilter": [{}],
          "action": "PASSTHROUGH", "scope": [{"dnn": "ims"}], "state": "ACTIVE"})";
  site.set_rules({drop("all", 4, "[]"), pass});
  EXPECT_FALSE(passes(2));
  EXPECT_TRUE(passes(3));
  site.set_rules({drop("all", 6, "[]"), pass});
  EXPECT_FALSE(passes(3));
}

TEST_F(ScopeTest, conditions_on_the_tunnel_have_scopes_as_well) {
  add(2, "internet", std::nullopt);
  add(3, "ims", std::nullopt);
  // FLOW: the base station is the source uplink, the destination downlink.
  site.set_rules({drop("r", 1, R"([{"dnn": "ims"}])", R"({"srcTunnelAddress": ["192.168.3.2"]})")});
  EXPECT_TRUE(passes(2));
  EXPECT_FALSE(passes(3));
}

}  // namespace
}  // namespace sluice::upf
