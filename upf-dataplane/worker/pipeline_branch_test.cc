// MEC rules that encapsulate, tunnel and duplicate, packet in, packet out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using std::chrono::milliseconds;
using ::testing::SizeIs;
using Bytes = std::vector<uint8_t>;

constexpr auto kService = "203.0.113.10";
constexpr auto kTapMac = "02:00:00:00:00:0b";  // 10.60.0.11, fd60::11
constexpr auto kToApp = R"({"interfaceType": "IP", "dstIpAddress": "10.60.0.10"})";
constexpr auto kToTap = R"({"interfaceType": "MAC", "dstMacAddress": "02:00:00:00:00:0b"})";

std::string rule(const char* action, const std::string& to,
                 const char* filter = R"({"dstPort": ["80"]})") {
  return fmt::format(R"({{"trafficRuleId": "r", "filterType": "FLOW", "priority": 5,
      "trafficFilter": [{}], "action": "{}", "dstInterface": {}, "state": "ACTIVE"}})",
                     filter, action, to);
}

std::string both(const std::string& first, const std::string& second) {
  return "[" + first + ", " + second + "]";
}

std::string tunnel(const char* type, const char* far_end, const char* data = "{}") {
  return fmt::format(R"({{"interfaceType": "TUNNEL", "tunnelInfo": {{"tunnelType": "{}",
      "tunnelDstAddress": "{}", "tunnelSpecificData": {}}}}})",
                     type, far_end, data);
}

// Our UDP over IPv4 has no checksum.
Bytes without_udp_checksum(Bytes frame, size_t ip_at = 14) {
  frame[ip_at + 26] = frame[ip_at + 27] = 0;
  return frame;
}

class BranchTest : public ::testing::Test {
 protected:
  BranchTest() : teid(site.add_ue(2)) {
    for (const auto* app : {"10.60.0.10", "fd60::10"}) site.alive[{kLdn, app}] = kAppMac;
    for (const auto* tap : {"10.60.0.11", "fd60::11"}) site.alive[{kLdn, tap}] = kTapMac;
    site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
    site.alive[{kN6, "192.168.6.2"}] = kGatewayMac;
    site.alive[{kN6, "fd06::2"}] = kGatewayMac;
  }

  void set(const std::string& text) {
    site.set_rules({text});
    site.pass(Neighbours::kTick * 6);
    ASSERT_EQ(site.rule_status("r").state, mp2::SteeringState::kSteering)
        << site.rule_status("r").reason;
  }
  FrameBuilder tunnelled() const {
    return eth(kOwnMac, kGnbMac)
        .ipv4("192.168.3.2", "192.168.3.1")
        .udp(2152, 2152)
        .gtpu(teid.value(), 9);
  }
  Bytes request() const {
    return tunnelled().ipv4("10.45.0.2", kService).tcp(4000, 80).payload("ask").frame();
  }
  // As it leaves without its tunnel.
  static Bytes inner() {
    return ipv4("10.45.0.2", kService).ttl(63).tcp(4000, 80).payload("ask").frame();
  }
  static Bytes reply() {
    return eth(kOwnMac, kGatewayMac)
        .ipv4(kService, "10.45.0.2")
        .tcp(80, 4000)
        .payload("re")
        .frame();
  }
  static Bytes inner_reply() {
    return ipv4(kService, "10.45.0.2").ttl(63).tcp(80, 4000).payload("re").frame();
  }
  static FrameBuilder to_gnb(const char* mac) {
    return eth(mac, kOwnMac)
        .ipv4("192.168.3.1", "192.168.3.2")
        .fragment(0x4000)
        .udp(2152, 2152)
        .gtpu(0x1002, 9, false);
  }

  TestSite site;
  Teid teid;
};

TEST_F(BranchTest, puts_packets_into_the_tunnel_of_their_rule) {
  struct Case {
    const char* what;
    std::string to;
    Bytes expected;
  };
  const auto gtp_v6 = eth(kAppMac, kOwnMac).ipv6("fd60::1", "fd60::10").udp(2152, 2152).gtpu(7);
  for (const auto& c : std::vector<Case>{
           {"GRE", tunnel("GRE", "10.60.0.10"),
            eth(kAppMac, kOwnMac)
                .ipv4("10.60.0.1", "10.60.0.10")
                .fragment(0x4000)
                .gre()
                .payload(inner())
                .frame()},
           {"GRE with a key", tunnel("GRE", "10.60.0.10", R"({"key": 4294967295})"),
            eth(kAppMac, kOwnMac)
                .ipv4("10.60.0.1", "10.60.0.10")
                .fragment(0x4000)
                .gre(0xffffffff)
                .payload(inner())
                .frame()},
           {"GRE over IPv6", tunnel("GRE", "fd60::10", R"({"key": 0})"),
            eth(kAppMac, kOwnMac).ipv6("fd60::1", "fd60::10").gre(0).payload(inner()).frame()},
           {"GTP-U", tunnel("GTP_U", "10.60.0.10", R"({"teid": 7})"),
            without_udp_checksum(eth(kAppMac, kOwnMac)
                                     .ipv4("10.60.0.1", "10.60.0.10")
                                     .fragment(0x4000)
                                     .udp(2152, 2152)
                                     .gtpu(7)
                                     .payload(inner())
                                     .frame())},
           {"GTP-U with a QFI", tunnel("GTP_U", "10.60.0.10", R"({"teid": 7, "qfi": 5})"),
            without_udp_checksum(eth(kAppMac, kOwnMac)
                                     .ipv4("10.60.0.1", "10.60.0.10")
                                     .fragment(0x4000)
                                     .udp(2152, 2152)
                                     .gtpu(7, 5, false)
                                     .payload(inner())
                                     .frame())},
           {"GTP-U over IPv6", tunnel("GTP_U", "fd60::10", R"({"teid": 7})"),
            FrameBuilder(gtp_v6).payload(inner()).frame()},
           {"to another site", tunnel("GRE", "198.51.100.1"),
            eth(kGatewayMac, kOwnMac)
                .ipv4("192.168.6.1", "198.51.100.1")
                .fragment(0x4000)
                .gre()
                .payload(inner())
                .frame()},
       }) {
    set(rule("FORWARD_DECAPSULATED", c.to));
    const auto out = site.run(kN3, request());
    ASSERT_EQ(out.verdict, Verdict::kSend) << c.what << to_string(out.drop);
    EXPECT_EQ(out.frame, c.expected) << c.what << "\n" << hex(out.frame) << hex(c.expected);
    EXPECT_THAT(site.copies, SizeIs(0));
    EXPECT_EQ(site.rule_status("r").bytes, 43U);
    site.set_rules({});
    site.grace_period();
  }
}

TEST_F(BranchTest, forwards_the_whole_tunnel_packet_as_it_came) {
  set(rule("FORWARD_ENCAPSULATED", kToApp));
  const auto out = site.run(kN3, request());
  ASSERT_EQ(out.verdict, Verdict::kSend);
  EXPECT_EQ(out.out_port, kLdn);
  Bytes expected = request();
  std::ranges::copy(MacAddress::parse(kAppMac)->bytes(), expected.begin());
  std::ranges::copy(MacAddress::parse(kOwnMac)->bytes(), expected.begin() + 6);
  EXPECT_EQ(out.frame, expected) << hex(out.frame);

  // The other direction: as it would have gone to the base station.
  const auto back = site.run(kN6, reply());
  ASSERT_EQ(back.verdict, Verdict::kSend);
  EXPECT_EQ(back.out_port, kLdn);
  EXPECT_EQ(back.frame, without_udp_checksum(to_gnb(kAppMac).payload(inner_reply()).frame()));
}

TEST_F(BranchTest, carries_tunnels_in_tunnels) {
  set(rule("FORWARD_ENCAPSULATED", tunnel("GRE", "fd60::10", R"({"key": 1})")));
  const Bytes whole = request();
  const auto out = site.run(kN3, whole);
  EXPECT_EQ(out.frame, eth(kAppMac, kOwnMac)
                           .ipv6("fd60::1", "fd60::10")
                           .gre(1)
                           .payload(Bytes(whole.begin() + 14, whole.end()))
                           .frame());
}

TEST_F(BranchTest, leaves_padding_of_the_link_behind) {
  set(rule("FORWARD_ENCAPSULATED", tunnel("GRE", "10.60.0.10")));
  Bytes padded = request();
  const auto expected = site.run(kN3, padded).frame;
  padded.resize(padded.size() + 9);
  EXPECT_EQ(site.run(kN3, padded).frame, expected);
}

TEST_F(BranchTest, sends_copies_to_both_and_the_packet_on_its_way) {
  set(rule("DUPLICATE_DECAPSULATED", both(kToTap, tunnel("GRE", "10.60.0.10", R"({"key": 3})"))));
  const auto out = site.run(kN3, request());
  ASSERT_EQ(out.verdict, Verdict::kSend);
  EXPECT_EQ(out.out_port, kN6);
  EXPECT_EQ(out.frame, eth(kGatewayMac, kOwnMac).payload(inner()).frame());
  ASSERT_THAT(site.copies, SizeIs(2));
  EXPECT_EQ(site.copies[0].out_port, kLdn);
  EXPECT_EQ(site.copies[0].frame, eth(kTapMac, kOwnMac).payload(inner()).frame());
  EXPECT_EQ(site.copies[1].frame, eth(kAppMac, kOwnMac)
                                      .ipv4("10.60.0.1", "10.60.0.10")
                                      .fragment(0x4000)
                                      .gre(3)
                                      .payload(inner())
                                      .frame());
  // The rule counts the packet, not its copies.
  EXPECT_EQ(site.rule_status("r").hits, 1U);
  EXPECT_EQ(site.counters.count([](const auto& w) -> const Counter& { return w.copied; }), 2U);

  const auto back = site.run(kN6, reply());
  EXPECT_EQ(back.out_port, kN3);
  ASSERT_THAT(site.copies, SizeIs(2));
  EXPECT_EQ(site.copies[0].frame, eth(kTapMac, kOwnMac).payload(inner_reply()).frame());
}

TEST_F(BranchTest, copies_the_whole_tunnel_packet) {
  set(rule("DUPLICATE_ENCAPSULATED", both(kToTap, kToApp)));
  const auto out = site.run(kN3, request());
  EXPECT_EQ(out.out_port, kN6);
  EXPECT_EQ(out.frame, eth(kGatewayMac, kOwnMac).payload(inner()).frame());
  ASSERT_THAT(site.copies, SizeIs(2));
  Bytes expected = request();
  std::ranges::copy(MacAddress::parse(kTapMac)->bytes(), expected.begin());
  std::ranges::copy(MacAddress::parse(kOwnMac)->bytes(), expected.begin() + 6);
  EXPECT_EQ(site.copies[0].frame, expected);

  const auto back = site.run(kN6, reply());
  EXPECT_EQ(back.frame, without_udp_checksum(to_gnb(kGnbMac).payload(inner_reply()).frame()));
  ASSERT_THAT(site.copies, SizeIs(2));
  EXPECT_EQ(site.copies[1].frame,
            without_udp_checksum(to_gnb(kAppMac).payload(inner_reply()).frame()));
}

TEST_F(BranchTest, copies_nothing_back_to_who_sent_it) {
  set(rule("DUPLICATE_DECAPSULATED", both(kToTap, kToApp)));
  const auto out =
      site.run(kLdn, eth(kOwnMac, kTapMac).ipv4(kService, "10.45.0.2").tcp(80, 4000).frame());
  EXPECT_EQ(out.out_port, kN3);
  ASSERT_THAT(site.copies, SizeIs(1));
  EXPECT_EQ(site.copies[0].frame[5], 0x0a);  // the other one
}

TEST_F(BranchTest, duplicates_as_long_as_one_destination_answers) {
  set(rule("DUPLICATE_DECAPSULATED",
           both(kToApp, R"({"interfaceType": "IP", "dstIpAddress": "10.60.0.11"})")));
  site.alive.erase({kLdn, "10.60.0.11"});
  site.pass(milliseconds(950));
  EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kSteering);
  EXPECT_EQ(site.rule_status("r").reason, "no ARP answer from 10.60.0.11 on port ldn");
  EXPECT_EQ(site.run(kN3, request()).out_port, kN6);
  EXPECT_THAT(site.copies, SizeIs(1));
  site.alive.erase({kLdn, "10.60.0.10"});
  site.pass(milliseconds(950));
  EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kSuspended);
  EXPECT_EQ(site.run(kN3, request()).out_port, kN6);
  EXPECT_THAT(site.copies, SizeIs(0));
}

TEST_F(BranchTest, copies_and_diverts_nothing_that_n4_forbids_and_counts_what_it_permits) {
  for (const auto* action : {"FORWARD_ENCAPSULATED", "DUPLICATE_DECAPSULATED"}) {
    auto spec = site.ue_session(3);
    spec.fars[FarId(1)].forward = false;
    ASSERT_TRUE(site.sessions->install(spec));
    const bool one = std::string_view(action).starts_with("FORWARD");
    set(rule(action, one ? kToTap : both(kToTap, kToApp)));
    const auto from_ue_3 = [&] {
      return site.run(kN3, eth(kOwnMac, kGnbMac)
                               .ipv4("192.168.3.2", "192.168.3.1")
                               .udp(2152, 2152)
                               .gtpu(spec.pdrs[PdrId(1)].f_teid->teid.value(), 9)
                               .ipv4("10.45.0.3", kService)
                               .tcp(1, 80)
                               .frame());
    };
    EXPECT_EQ(from_ue_3().drop, DropReason::kFarDrop) << action;
    EXPECT_THAT(site.copies, SizeIs(0)) << action;
    spec.fars[FarId(1)].forward = true;
    ASSERT_TRUE(site.sessions->install(spec));
    EXPECT_EQ(from_ue_3().verdict, Verdict::kSend) << action;
    EXPECT_EQ(site.sessions->remove(spec.seid).uplink_packets, 1U) << action;
    site.grace_period();
  }
}

TEST_F(BranchTest, counts_copies_that_find_no_room) {
  set(rule("DUPLICATE_DECAPSULATED", both(kToTap, kToApp)));
  const std::vector<Bytes> burst(20, request());
  for (const auto& out : site.run(kN3, burst)) EXPECT_EQ(out.verdict, Verdict::kSend);
  EXPECT_THAT(site.copies, SizeIs(32));
  const auto no_room = static_cast<size_t>(DropReason::kNoRoom);
  EXPECT_EQ(
      site.counters.count([&](const auto& w) -> const Counter& { return w.dropped[no_room]; }), 8U);
}

TEST_F(BranchTest, takes_back_what_comes_by_a_tunnel_of_a_rule_and_from_nobody_else) {
  struct Case {
    const char* what;
    std::string to;
    PortIndex port;
    Bytes frame;
    Verdict verdict;
    DropReason drop;
  };
  constexpr auto kNone = DropReason::kCount;
  const auto answer = ipv4(kService, "10.45.0.2").tcp(80, 4000).payload("re").frame();
  const auto from = [](const char* app, const char* own) {
    return eth(kOwnMac, kAppMac).ipv4(app, own);
  };
  const auto gre3 = tunnel("GRE", "10.60.0.10", R"({"key": 3})");
  const auto gtp7 = tunnel("GTP_U", "10.60.0.10", R"({"teid": 7})");
  const auto own = [&](const char* app = "10.60.0.10") { return from(app, "10.60.0.1"); };
  const auto gtp = [&](uint32_t number, const char* app = "10.60.0.10") {
    return own(app).udp(40000, 2152).gtpu(number);
  };
  for (const auto& c : std::vector<Case>{
           {"GRE", gre3, kLdn, own().gre(3).payload(answer).frame(), Verdict::kSend, kNone},
           {"GRE, another key", gre3, kLdn, own().gre(4).payload(answer).frame(), Verdict::kDrop,
            DropReason::kUnknownTunnel},
           {"GRE, no key", gre3, kLdn, own().gre().payload(answer).frame(), Verdict::kDrop,
            DropReason::kUnknownTunnel},
           {"GRE from a stranger", gre3, kLdn, own("10.60.0.66").gre(3).payload(answer).frame(),
            Verdict::kDrop, DropReason::kUnknownTunnel},
           {"GRE in a fragment", gre3, kLdn, own().fragment(0x2000).gre(3).payload(answer).frame(),
            Verdict::kDrop, DropReason::kMalformedFrame},
           {"GRE that carries nothing", gre3, kLdn, own().gre(3).frame(), Verdict::kDrop,
            DropReason::kMalformedInner},
           {"GRE to a user we do not know", gre3, kLdn,
            own().gre(3).payload(ipv4(kService, "10.45.9.9").tcp(80, 1).frame()).frame(),
            Verdict::kDrop, DropReason::kUnknownUe},
           {"GTP-U where only GRE is", gre3, kLdn, gtp(3).payload(answer).frame(), Verdict::kDrop,
            DropReason::kUnsupportedProtocol},
           {"GTP-U", gtp7, kLdn, gtp(7).payload(answer).frame(), Verdict::kSend, kNone},
           {"GTP-U, another TEID", gtp7, kLdn, gtp(8).payload(answer).frame(), Verdict::kDrop,
            DropReason::kUnknownTunnel},
           {"GTP-U from a stranger", gtp7, kLdn, gtp(7, "10.60.0.66").payload(answer).frame(),
            Verdict::kDrop, DropReason::kUnknownTunnel},
           {"GTP-U with a container", gtp7, kLdn,
            own().udp(2152, 2152).gtpu(7, 5).payload(answer).frame(), Verdict::kSend, kNone},
           {"from another site", tunnel("GRE", "198.51.100.1"), kN6,
            eth(kOwnMac, kGatewayMac)
                .ipv4("198.51.100.1", "192.168.6.1")
                .gre()
                .payload(answer)
                .frame(),
            Verdict::kSend, kNone},
           {"over IPv6", tunnel("GRE", "fd60::10"), kLdn,
            eth(kOwnMac, kAppMac).ipv6("fd60::10", "fd60::1").gre().payload(answer).frame(),
            Verdict::kSend, kNone},
       }) {
    set(rule("FORWARD_DECAPSULATED", c.to));
    const auto out = site.run(c.port, c.frame);
    EXPECT_EQ(out.verdict, c.verdict) << c.what << " " << to_string(out.drop);
    if (c.verdict == Verdict::kDrop) {
      EXPECT_EQ(to_string(out.drop), to_string(c.drop)) << c.what;
    } else {
      EXPECT_EQ(out.out_port, kN3) << c.what;
      EXPECT_EQ(out.frame, without_udp_checksum(to_gnb(kGnbMac).payload(inner_reply()).frame()))
          << c.what;
    }
    site.set_rules({});
    EXPECT_EQ(site.run(c.port, c.frame).verdict, Verdict::kDrop) << c.what << " without a rule";
    site.grace_period();
  }
}

TEST_F(BranchTest, buffers_what_came_by_a_tunnel_of_a_rule) {
  set(rule("FORWARD_DECAPSULATED", tunnel("GRE", "10.60.0.10")));
  auto spec = site.ue_session(3);
  spec.fars[FarId(2)].forward = false;
  spec.fars[FarId(2)].buffer = true;
  ASSERT_TRUE(site.sessions->install(spec));
  const auto out = site.run(kLdn, eth(kOwnMac, kAppMac)
                                      .ipv4("10.60.0.10", "10.60.0.1")
                                      .gre()
                                      .payload(ipv4(kService, "10.45.0.3").tcp(80, 1).frame())
                                      .frame());
  ASSERT_EQ(out.verdict, Verdict::kHold);
  site.sent.clear();
  spec.fars[FarId(2)].forward = true;
  spec.fars[FarId(2)].buffer = false;
  ASSERT_TRUE(site.sessions->install(spec));
  ASSERT_THAT(site.sent, SizeIs(1));
  EXPECT_EQ(site.sent[0].first, kN3);
}

TEST_F(BranchTest, answers_echo_requests_in_tunnels_of_rules) {
  set(rule("FORWARD_DECAPSULATED", tunnel("GTP_U", "10.60.0.10", R"({"teid": 7})")));
  const Bytes echo = {0x32, 1, 0, 4, 0, 0, 0, 0, 0x12, 0x34, 0, 0};
  const auto out = site.run(
      kLdn,
      eth(kOwnMac, kAppMac).ipv4("10.60.0.10", "10.60.0.1").udp(2152, 2152).payload(echo).frame());
  ASSERT_EQ(out.verdict, Verdict::kSend);
  EXPECT_EQ(out.frame[14 + 28 + 1], 2);
}

TEST_F(BranchTest, says_which_destination_leads_nowhere) {
  struct Case {
    std::string rule;
    const char* reason;
  };
  for (const auto& c : std::vector<Case>{
           {rule("FORWARD_DECAPSULATED", tunnel("GTP_U", "10.60.0.10")),
            "dstInterface.tunnelInfo.tunnelSpecificData.teid: is required to send into a GTP_U "
            "tunnel"},
           {rule("FORWARD_DECAPSULATED", R"({"interfaceType": "TUNNEL", "tunnelInfo":
                {"tunnelType": "GRE", "tunnelDstAddress": "10.60.0.10",
                 "tunnelSrcAddress": "10.60.0.2"}})"),
            "dstInterface.tunnelInfo.tunnelSrcAddress: is no address of a local-dn or n6 port of "
            "this site"},
           {rule("FORWARD_DECAPSULATED", R"({"interfaceType": "TUNNEL", "tunnelInfo":
                {"tunnelType": "GRE", "tunnelDstAddress": "192.168.3.9",
                 "tunnelSrcAddress": "192.168.3.1"}})"),
            "dstInterface.tunnelInfo.tunnelSrcAddress: is no address of a local-dn or n6 port of "
            "this site"},
           {rule("DUPLICATE_DECAPSULATED",
                 both(kToTap, R"({"interfaceType": "IP", "dstIpAddress": "172.16.0.1"})")),
            "dstInterface[1].dstIpAddress: no local-dn port of this site leads to 172.16.0.1"},
       }) {
    site.set_rules({c.rule});
    EXPECT_EQ(site.rule_status("r").state, mp2::SteeringState::kRejected);
    EXPECT_EQ(site.rule_status("r").reason, c.reason);
    EXPECT_EQ(site.run(kN3, request()).out_port, kN6);
  }
}

TEST_F(BranchTest, cuts_what_a_rules_tunnel_has_no_room_for_or_says_so) {
  set(rule("FORWARD_DECAPSULATED", tunnel("GRE", "10.60.0.10")));
  const auto big = [&](uint16_t flags) {
    return site.run(kN3, tunnelled()
                             .ipv4("10.45.0.2", kService)
                             .fragment(flags)
                             .tcp(4000, 80)
                             .payload(Bytes(1450))
                             .frame());
  };
  site.sent.clear();
  EXPECT_EQ(big(0).verdict, Verdict::kException);
  ASSERT_THAT(site.sent, SizeIs(2));
  for (const auto& [port, frame] : site.sent) {
    EXPECT_EQ(port, kLdn);
    EXPECT_LE(frame.size(), 14U + 1500);
    const uint8_t* outer = frame.data() + 14;
    EXPECT_EQ(size_t{outer[2]} << 8 | outer[3], frame.size() - 14);
    EXPECT_EQ(checksum_fold(checksum_add(0, outer, 20)), 0xffff);
    const uint8_t* inner = outer + 24;
    EXPECT_EQ(size_t{inner[2]} << 8 | inner[3], frame.size() - 14 - 24);
    EXPECT_EQ(checksum_fold(checksum_add(0, inner, 20)), 0xffff);
  }
  const auto told = big(0x4000);
  ASSERT_EQ(told.verdict, Verdict::kSend) << to_string(told.drop);
  EXPECT_EQ(told.out_port, kN3);
  const size_t icmp = 14 + 20 + 8 + 16 + 20;
  ASSERT_GT(told.frame.size(), icmp + 8);
  EXPECT_EQ(told.frame[icmp + 6] << 8 | told.frame[icmp + 7], 1500 - 24);
}

}  // namespace
}  // namespace sluice::upf
