// MEC rules and DNS answers, packet in, packet out.
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using std::chrono::milliseconds;
using Bytes = std::vector<uint8_t>;

constexpr auto kService =
    "203.0.113.10";  // the service in the centre that the edge app stands in for
constexpr auto kResolver = "203.0.113.53";

constexpr auto kToApp = R"({"trafficRuleId": "t1", "filterType": "FLOW", "priority": 10,
  "trafficFilter": [{"dstAddress": ["203.0.113.10/32", "10.60.0.10"], "dstPort": ["80"],
                     "protocol": ["TCP"]}],
  "action": "FORWARD_DECAPSULATED",
  "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}, "state": "ACTIVE"})";

std::string rule(const char* id, int priority, const char* filter, const char* action) {
  return fmt::format(
      R"({{"trafficRuleId": "{}", "filterType": "FLOW", "priority": {},
           "trafficFilter": [{}], "action": "{}", "state": "ACTIVE"}})",
      id, priority, filter, action);
}

std::string dns_rule(const char* id, const char* name, const char* address, int ttl = 7) {
  return fmt::format(
      R"({{"dnsRuleId": "{}", "domainName": "{}", "ipAddressType": "{}", "ipAddress": "{}",
           "ttl": {}, "state": "ACTIVE"}})",
      id, name, std::string_view(address).find(':') == std::string_view::npos ? "IP_V4" : "IP_V6",
      address, ttl);
}

class SteeringTest : public ::testing::Test {
 protected:
  SteeringTest() : teid(site.add_ue(2)) {
    site.alive[{kLdn, "10.60.0.10"}] = kAppMac;
    site.alive[{kLdn, "fd60::10"}] = kAppMac;
    site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
    site.alive[{kN6, "192.168.6.2"}] = kGatewayMac;
    site.alive[{kN6, "fd06::2"}] = kGatewayMac;
  }

  FrameBuilder uplink(std::optional<uint8_t> qfi = 9) const {
    return eth(kOwnMac, kGnbMac)
        .ipv4("192.168.3.2", "192.168.3.1")
        .udp(2152, 2152)
        .gtpu(teid.value(), qfi);
  }
  Outcome request(const char* to = kService, uint16_t port = 80) {
    return site.run(kN3, uplink().ipv4("10.45.0.2", to).tcp(4000, port).frame());
  }
  void settle() { site.pass(Neighbours::kTick * 6); }

  TestSite site;
  Teid teid;
};

TEST_F(SteeringTest, forwards_what_matches_to_the_app_and_nothing_else) {
  site.set_rules({kToApp});
  settle();
  const auto steered = request();
  ASSERT_EQ(steered.verdict, Verdict::kSend);
  EXPECT_EQ(steered.out_port, kLdn);
  EXPECT_EQ(steered.frame,
            eth(kAppMac, kOwnMac).ipv4("10.45.0.2", kService).ttl(63).tcp(4000, 80).frame());
  EXPECT_EQ(request(kService, 81).out_port, kN6);
  EXPECT_EQ(request("203.0.113.11").out_port, kN6);
  EXPECT_EQ(site.run(kN3, uplink().ipv4("10.45.0.2", kService).udp(4000, 80).frame()).out_port,
            kN6);
  EXPECT_EQ(site.rule_status("t1").hits, 1U);
}

TEST_F(SteeringTest, decides_no_later_fragment_before_its_ports_are_known) {
  site.set_rules({kToApp});
  settle();
  const auto fragment = uplink().ipv4("10.45.0.2", kService).fragment(0x00b9).tcp(4000, 80).frame();
  site.sent.clear();
  EXPECT_EQ(site.run(kN3, fragment).verdict, Verdict::kException);
  EXPECT_TRUE(site.sent.empty());
}

TEST_F(SteeringTest, carries_the_apps_answer_to_the_ue) {
  site.set_rules({kToApp});
  settle();
  const auto answer = site.run(
      kLdn, eth(kOwnMac, kAppMac).ipv4(kService, "10.45.0.2").tcp(80, 4000).payload("ok").frame());
  ASSERT_EQ(answer.verdict, Verdict::kSend);
  EXPECT_EQ(answer.out_port, kN3);
}

TEST_F(SteeringTest, steers_both_directions_of_a_flow) {
  site.set_rules({kToApp});
  settle();
  // What the centre sends within the flow is the app's business as well.
  const auto from_centre =
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kService, "10.45.0.2").tcp(80, 4000).frame());
  EXPECT_EQ(from_centre.out_port, kLdn);
  // The opposite ports are another flow.
  EXPECT_EQ(
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kService, "10.45.0.2").tcp(4000, 80).frame())
          .out_port,
      kN3);
}

TEST_F(SteeringTest, follows_every_change_of_the_rules_at_once) {
  for (int i = 0; i < 3; ++i) {
    site.set_rules({kToApp});
    settle();
    EXPECT_EQ(request().out_port, kLdn);
    EXPECT_EQ(request().out_port, kLdn);  // from the flow cache
    site.set_rules({});
    EXPECT_EQ(request().out_port, kN6);
  }
}

TEST_F(SteeringTest, applies_the_rule_of_the_highest_priority) {
  struct Case {
    int drop_priority;
    int pass_priority;
    Verdict expected;
  };
  for (const auto& c : {Case{200, 100, Verdict::kDrop}, Case{100, 200, Verdict::kSend},
                        Case{255, 254, Verdict::kDrop}, Case{0, 1, Verdict::kSend}}) {
    site.set_rules({rule("drop", c.drop_priority, R"({"dstAddress": ["203.0.113.0/24"]})", "DROP"),
                    rule("pass", c.pass_priority, R"({"protocol": ["TCP"]})", "PASSTHROUGH")});
    EXPECT_EQ(request().verdict, c.expected) << c.drop_priority << " " << c.pass_priority;
  }
}

TEST_F(SteeringTest, drops_both_directions_of_a_dropped_flow) {
  site.set_rules({rule("drop", 9, R"({"dstAddress": ["203.0.113.10"]})", "DROP")});
  EXPECT_EQ(request().drop, DropReason::kRuleDrop);
  const auto down =
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kService, "10.45.0.2").tcp(80, 1).frame());
  EXPECT_EQ(down.verdict, Verdict::kDrop);
  EXPECT_EQ(down.drop, DropReason::kRuleDrop);
}

TEST_F(SteeringTest, never_permits_what_n4_forbids) {
  auto spec = site.ue_session(3);
  spec.fars[FarId(1)].forward = false;
  ASSERT_TRUE(site.sessions->install(spec));
  site.set_rules({kToApp});
  settle();
  const auto outcome = site.run(kN3, eth(kOwnMac, kGnbMac)
                                         .ipv4("192.168.3.2", "192.168.3.1")
                                         .udp(2152, 2152)
                                         .gtpu(spec.pdrs[PdrId(1)].f_teid->teid.value(), 9)
                                         .ipv4("10.45.0.3", kService)
                                         .tcp(1, 80)
                                         .frame());
  EXPECT_EQ(outcome.drop, DropReason::kFarDrop);
}

TEST_F(SteeringTest, matches_the_remaining_filter_fields) {
  struct Case {
    const char* what;
    const char* filter;
    bool hit;
  };
  // The packet: QFI 9, DSCP 46 (ToS 0xb8), TCP 4000 to 80.
  const auto packet = uplink().ipv4("10.45.0.2", kService).tos(0xb8).tcp(4000, 80).frame();
  for (const auto& c : std::vector<Case>{
           {"QFI", R"({"qCI": 9})", true},
           {"another QFI", R"({"qCI": 8})", false},
           {"DSCP", R"({"dSCP": 46})", true},
           {"another DSCP", R"({"dSCP": 47})", false},
           {"a traffic class is IPv6's", R"({"tC": 184})", false},
           {"source prefix", R"({"srcAddress": ["10.45.0.0/16"]})", true},
           {"an IPv6 prefix", R"({"dstAddress": ["::/0"]})", false},
           {"a port range", R"({"dstPort": ["79-81"]})", true},
           {"just outside a port range", R"({"dstPort": ["81-90"]})", false},
           {"one of several", R"({"srcPort": ["1", "2", "4000"]})", true},
           {"an address range", R"({"dstAddress": ["203.0.113.9-203.0.113.10"]})", true},
           {"outside an address range", R"({"dstAddress": ["203.0.113.11-203.0.113.99"]})", false},
       }) {
    site.set_rules({rule("r", 1, c.filter, "DROP")});
    EXPECT_EQ(site.run(kN3, packet).verdict, c.hit ? Verdict::kDrop : Verdict::kSend) << c.what;
  }
}

TEST_F(SteeringTest, rejects_what_it_cannot_do_and_says_so) {
  struct Case {
    const char* json;
    const char* reason;
  };
  for (
      const auto& c : std::vector<Case>{
          {R"({"trafficRuleId": "r", "filterType": "FLOW", "priority": 1, "trafficFilter": [{"protocol": ["TCP"]}],
                "action": "FORWARD_DECAPSULATED", "state": "ACTIVE",
                "dstInterface": {"interfaceType": "IP", "dstIpAddress": "172.16.0.1"}})",
           "dstInterface.dstIpAddress: no local-dn port of this site leads to 172.16.0.1"},
      }) {
    site.set_rules({c.json});
    EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kRejected);
    EXPECT_EQ(site.rule_status("r").reason, c.reason);
    EXPECT_EQ(request().out_port, kN6);
  }
}

TEST_F(SteeringTest, forwards_to_a_mac_address) {
  site.set_rules({R"({"trafficRuleId": "m", "filterType": "PACKET", "priority": 1,
    "trafficFilter": [{"dstAddress": ["203.0.113.10"]}], "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-bb"}, "state": "ACTIVE"})"});
  const auto outcome = request();
  ASSERT_EQ(outcome.out_port, kLdn);
  EXPECT_EQ(
      outcome.frame,
      eth("02:00:00:00:00:bb", kOwnMac).ipv4("10.45.0.2", kService).ttl(63).tcp(4000, 80).frame());
}

// --- fail towards the centre ---

TEST_F(SteeringTest, suspends_within_a_second_and_resumes_by_itself) {
  site.set_rules({kToApp}, {dns_rule("d1", "video.example", "10.60.0.10")});
  EXPECT_EQ(site.rule_status("t1").state, mp2::SteeringState::kSuspended);  // nobody answered yet
  settle();
  ASSERT_EQ(request().out_port, kLdn);

  site.alive.erase({kLdn, "10.60.0.10"});
  site.pass(milliseconds(950));
  EXPECT_EQ(request().out_port, kN6);
  for (const auto* id : {"t1", "d1"}) {
    EXPECT_EQ(site.rule_status(id).state, mp2::SteeringState::kSuspended);
    EXPECT_EQ(site.rule_status(id).reason, "no ARP answer from 10.60.0.10 on port ldn");
  }
  const auto query = uplink().ipv4("10.45.0.2", kResolver).udp(4000, 53);
  EXPECT_EQ(
      site.run(kN3, FrameBuilder(query).payload(dns_query(1, "video.example", 1)).frame()).out_port,
      kN6);

  site.alive[{kLdn, "10.60.0.10"}] = kAppMac;
  settle();
  EXPECT_EQ(site.rule_status("t1").state, mp2::SteeringState::kSteering);
  EXPECT_EQ(request().out_port, kLdn);
  EXPECT_EQ(
      site.run(kN3, FrameBuilder(query).payload(dns_query(1, "video.example", 1)).frame()).out_port,
      kN3);
}

TEST_F(SteeringTest, lets_the_next_rule_decide_while_one_is_suspended) {
  site.set_rules({kToApp, rule("drop", 5, R"({"dstAddress": ["203.0.113.10"]})", "DROP")});
  settle();
  EXPECT_EQ(request().out_port, kLdn);
  site.alive.erase({kLdn, "10.60.0.10"});
  site.pass(milliseconds(950));
  EXPECT_EQ(request().drop, DropReason::kRuleDrop);
}

TEST_F(SteeringTest, follows_an_app_that_moved_to_another_mac) {
  site.set_rules({kToApp});
  settle();
  // A stranger's answer changes nothing while the app itself answers ...
  site.answer(kLdn, "10.60.0.10", "02:00:00:00:00:66");
  EXPECT_EQ(request().frame[5], 0x0a);
  // ... but who alone answers is the app.
  site.alive[{kLdn, "10.60.0.10"}] = "02:00:00:00:00:0b";
  settle();
  EXPECT_EQ(
      request().frame,
      eth("02:00:00:00:00:0b", kOwnMac).ipv4("10.45.0.2", kService).ttl(63).tcp(4000, 80).frame());
}

TEST_F(SteeringTest, keeps_counters_and_state_of_rules_that_stay) {
  site.set_rules({kToApp});
  settle();
  request();
  const auto before = site.rule_status("t1");
  site.pass(milliseconds(500));
  site.set_rules({kToApp, rule("other", 1, R"({"protocol": ["UDP"]})", "DROP")});
  const auto after = site.rule_status("t1");
  EXPECT_EQ(after.hits, before.hits);
  EXPECT_EQ(after.since_ms, before.since_ms);
  // A rule that comes back starts from zero.
  site.set_rules({});
  site.grace_period();
  site.set_rules({kToApp});
  EXPECT_EQ(site.rule_status("t1").hits, 0U);
}

// --- DNS ---

TEST_F(SteeringTest, answers_queries_for_names_with_a_rule) {
  site.set_rules({}, {dns_rule("a", "video.example", "10.60.0.10", 7),
                      dns_rule("aaaa", "video.example", "fd60::10", 9)});
  settle();
  Bytes expected_dns = dns_query(0x4242, "Video.EXAMPLE", 1);  // the question as it was spelt
  expected_dns[2] = 0x81;
  expected_dns[3] = 0x80;
  expected_dns[7] = 1;
  for (const uint8_t byte : Bytes{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 10, 60, 0, 10}) {
    expected_dns.push_back(byte);
  }
  const auto outcome = site.run(kN3, uplink()
                                         .ipv4("10.45.0.2", kResolver)
                                         .ttl(17)
                                         .udp(4000, 53)
                                         .payload(dns_query(0x4242, "Video.EXAMPLE", 1))
                                         .frame());
  ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.out_port, kN3);
  const auto inner = ipv4(kResolver, "10.45.0.2").udp(53, 4000).payload(expected_dns).frame();
  auto expected = eth(kGnbMac, kOwnMac)
                      .ipv4("192.168.3.1", "192.168.3.2")
                      .fragment(0x4000)
                      .udp(2152, 2152)
                      .gtpu(0x1002, 9, false)
                      .payload(inner)
                      .frame();
  expected[14 + 26] = expected[14 + 27] = 0;
  EXPECT_EQ(outcome.frame, expected) << hex(outcome.frame) << hex(expected);
  EXPECT_EQ(site.rule_status("a").hits, 1U);

  const auto over_v6 = site.run(kN3, uplink()
                                         .ipv6("fd45:0:0:2::1", "2001:db8::53")
                                         .udp(4000, 53)
                                         .payload(dns_query(1, "video.example", 28, true))
                                         .frame());
  EXPECT_EQ(over_v6.out_port, kN3);
  EXPECT_EQ(site.rule_status("aaaa").hits, 1U);
}

TEST_F(SteeringTest, leaves_other_queries_alone) {
  site.set_rules({}, {dns_rule("a", "video.example", "10.60.0.10")});
  settle();
  struct Case {
    const char* what;
    Bytes frame;
  };
  const auto to = [&](uint16_t port) {
    return uplink().ipv4("10.45.0.2", kResolver).udp(4000, port);
  };
  for (const auto& c : std::vector<Case>{
           {"another name", to(53).payload(dns_query(1, "www.example", 1)).frame()},
           {"a name below", to(53).payload(dns_query(1, "a.video.example", 1)).frame()},
           {"a type that rules do not know",
            to(53).payload(dns_query(1, "video.example", 16)).frame()},
           {"another port", to(54).payload(dns_query(1, "video.example", 1)).frame()},
           {"no DNS at all", to(53).payload("hello").frame()},
           {"an empty datagram", to(53).frame()},
           {"TCP", uplink()
                       .ipv4("10.45.0.2", kResolver)
                       .tcp(4000, 53)
                       .payload(dns_query(1, "video.example", 1))
                       .frame()},
           {"a first fragment", uplink()
                                    .ipv4("10.45.0.2", kResolver)
                                    .fragment(0x2000)
                                    .udp(4000, 53)
                                    .payload(dns_query(1, "video.example", 1))
                                    .frame()},
       }) {
    const auto outcome = site.run(kN3, c.frame);
    EXPECT_EQ(outcome.verdict, Verdict::kSend) << c.what;
    EXPECT_EQ(outcome.out_port, kN6) << c.what;
  }
}

}  // namespace
}  // namespace sluice::upf
