// MEC rules about more than the user's packet: the tunnel that carries it, and users by tag.
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

std::string drop(const char* filter, const char* type = "FLOW", const char* id = "r",
                 int priority = 5) {
  return fmt::format(R"({{"trafficRuleId": "{}", "filterType": "{}", "priority": {},
      "trafficFilter": [{}], "action": "DROP", "state": "ACTIVE"}})",
                     id, type, priority, filter);
}

class MatchTest : public ::testing::Test {
 protected:
  MatchTest() : teid(site.add_ue(2)) {
    site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
    site.alive[{kN6, "192.168.6.2"}] = kGatewayMac;
  }

  Bytes up(const char* gnb = "192.168.3.2", uint16_t port = 2152) const {
    return eth(kOwnMac, kGnbMac)
        .ipv4(gnb, "192.168.3.1")
        .udp(port, 2152)
        .gtpu(teid.value(), 9)
        .ipv4("10.45.0.2", "203.0.113.10")
        .tcp(4000, 80)
        .frame();
  }
  static Bytes down() {
    return eth(kOwnMac, kGatewayMac).ipv4("203.0.113.10", "10.45.0.2").tcp(80, 4000).frame();
  }
  bool drops(PortIndex port, const Bytes& frame) {
    const auto out = site.run(port, frame);
    return out.verdict == Verdict::kDrop && out.drop == DropReason::kRuleDrop;
  }

  TestSite site;
  Teid teid;
};

TEST_F(MatchTest, compares_the_tunnel_that_carries_the_packet) {
  struct Case {
    const char* what;
    const char* filter;
    bool up;
    bool down;
    const char* type = "FLOW";
  };
  for (const auto& c : std::vector<Case>{
           {"the base station", R"({"srcTunnelAddress": ["192.168.3.2"]})", true, true},
           {"its network", R"({"srcTunnelAddress": ["192.168.3.0/24"]})", true, true},
           {"another base station", R"({"srcTunnelAddress": ["192.168.3.3"]})", false, false},
           {"a range", R"({"srcTunnelAddress": ["192.168.3.1-192.168.3.9"]})", true, true},
           {"an IPv6 base station", R"({"srcTunnelAddress": ["::/0"]})", false, false},
           {"our end", R"({"tgtTunnelAddress": ["192.168.3.1"]})", true, true},
           {"our end as source", R"({"srcTunnelAddress": ["192.168.3.1"]})", false, false},
           {"literally", R"({"srcTunnelAddress": ["192.168.3.1"]})", false, true, "PACKET"},
           {"the port of GTP-U", R"({"dstTunnelPort": ["2152"]})", true, true},
           {"a source port", R"({"srcTunnelPort": ["2150-2160"]})", true, true},
           {"another source port", R"({"srcTunnelPort": ["2153"]})", false, false},
           {"with a condition on the packet",
            R"({"srcTunnelAddress": ["192.168.3.2"], "dstPort": ["80"]})", true, true},
           {"with a condition that fails",
            R"({"srcTunnelAddress": ["192.168.3.2"], "dstPort": ["81"]})", false, false},
           {"both ends",
            R"({"srcTunnelAddress": ["192.168.3.2"], "tgtTunnelAddress": ["192.168.3.1"]})", true,
            true},
       }) {
    site.set_rules({drop(c.filter, c.type)});
    EXPECT_EQ(drops(kN3, up()), c.up) << c.what;
    EXPECT_EQ(drops(kN6, down()), c.down) << c.what << ", down";
  }
}

TEST_F(MatchTest, sees_the_tunnel_of_every_packet_of_a_flow) {
  site.set_rules({drop(R"({"srcTunnelAddress": ["192.168.3.2"]})")});
  EXPECT_TRUE(drops(kN3, up()));
  EXPECT_FALSE(drops(kN3, up("192.168.3.3")));  // the same flow after a handover
  EXPECT_TRUE(drops(kN3, up()));
}

TEST_F(MatchTest, keeps_to_the_order_of_rules_with_and_without_tunnels) {
  struct Case {
    int with;
    int without;
    bool dropped;
  };
  for (const auto& c : {Case{9, 8, true}, Case{8, 9, false}}) {
    const auto pass = fmt::format(R"({{"trafficRuleId": "p", "filterType": "FLOW", "priority": {},
      "trafficFilter": [{{"dstPort": ["80"]}}], "action": "PASSTHROUGH", "state": "ACTIVE"}})",
                                  c.without);
    site.set_rules({drop(R"({"srcTunnelAddress": ["192.168.3.2"]})", "FLOW", "r", c.with), pass});
    EXPECT_EQ(drops(kN3, up()), c.dropped);
    EXPECT_EQ(drops(kN3, up()), c.dropped) << "from the cache";
  }
}

// --- tags ---

mp2::Tags gold(std::vector<const char*> users, const char* source = "test") {
  mp2::Tags tags{source, {{"gold", {}}}};
  for (const auto* user : users) tags.tags[0].addresses.push_back(*IpPrefix::parse(user));
  return tags;
}

TEST_F(MatchTest, suspends_rules_about_users_that_nobody_has_told) {
  for (const auto* filter : {R"({"tag": ["gold"]})", R"({"token": ["gold"]})",
                             R"({"tag": ["gold"], "dstPort": ["80"]})"}) {
    site.set_rules({drop(filter)});
    EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kSuspended);
    EXPECT_EQ(site.rule_status("r").reason, "the platform has told no users of tag 'gold'");
    EXPECT_FALSE(drops(kN3, up()));
  }
}

TEST_F(MatchTest, follows_the_users_of_a_tag) {
  site.set_rules({drop(R"({"tag": ["gold"]})")});
  const auto in_effect = mp2::SteeringState::kSteering;
  site.steering->apply(gold({"10.45.0.2", "10.45.0.9"}));
  EXPECT_EQ(site.rule_status("r").state, in_effect);
  EXPECT_TRUE(drops(kN3, up()));
  EXPECT_TRUE(drops(kN6, down()));
  site.steering->apply(gold({"10.45.0.9"}));
  EXPECT_EQ(site.rule_status("r").state, in_effect);
  EXPECT_FALSE(drops(kN3, up()));
  site.steering->apply(gold({}));  // known, and nobody has it: that matches nobody
  EXPECT_EQ(site.rule_status("r").state, in_effect);
  EXPECT_FALSE(drops(kN3, up()));
  site.steering->apply(gold({"10.45.0.0/16"}));
  EXPECT_TRUE(drops(kN3, up()));
  site.steering->apply(mp2::Tags{"test", {}});
  EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kSuspended);
  EXPECT_FALSE(drops(kN3, up()));
}

TEST_F(MatchTest, forgets_the_users_that_an_earlier_platform_told) {
  site.steering->apply(gold({"10.45.0.2"}, "earlier"));
  site.set_rules({drop(R"({"tag": ["gold"]})")});  // of the source "test"
  EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kSuspended);
  EXPECT_FALSE(drops(kN3, up()));
  site.steering->apply(gold({"10.45.0.2"}));
  site.set_rules({drop(R"({"tag": ["gold"]})")});
  EXPECT_TRUE(drops(kN3, up()));
}

TEST_F(MatchTest, needs_all_tags_of_a_rule_to_be_known) {
  site.steering->apply(gold({"10.45.0.2"}));
  site.set_rules({drop(R"({"tag": ["gold", "silver"]})")});
  EXPECT_EQ(site.rule_status("r").reason, "the platform has told no users of tag 'silver'");
  EXPECT_FALSE(drops(kN3, up()));
}

}  // namespace
}  // namespace sluice::upf
