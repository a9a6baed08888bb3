// The mode inline: what stays on the wire, what is learned from it, and what leaves it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;

constexpr PortIndex kRan = kN3;
constexpr PortIndex kCore = kN6;
constexpr auto kCoreMac = "02:00:00:00:00:c0";

constexpr auto kToApp = R"({"trafficRuleId": "to-app", "filterType": "FLOW", "priority": 10,
  "trafficFilter": [{"dstAddress": ["203.0.113.10", "2001:db8:113::10"]}],
  "action": "FORWARD_DECAPSULATED",
  "dstInterface": [{"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}], "state": "ACTIVE"})";
constexpr auto kName = R"({"dnsRuleId": "name", "domainName": "video.example",
  "ipAddressType": "IP_V4", "ipAddress": "10.60.0.10", "ttl": 5, "state": "ACTIVE"})";

// A user's place in the network.
struct User {
  std::string ue = "10.45.0.2";
  std::string core = "172.16.0.1";
  std::string gnb = "172.16.0.2";
  uint32_t up = 0x100;
  uint32_t down = 0x200;
};

FrameBuilder uplink(const User& user) {
  return eth(kCoreMac, kGnbMac).ipv4(user.gnb, user.core).udp(2152, 2152).gtpu(user.up, 9);
}
FrameBuilder downlink(const User& user) {
  return eth(kGnbMac, kCoreMac)
      .ipv4(user.core, user.gnb)
      .tos(0x28)
      .udp(2152, 2152)
      .gtpu(user.down, 5, false);
}

class WireTest : public ::testing::Test {
 protected:
  WireTest() : site(UpfMode::kInline) {
    site.alive[{kLdn, "10.60.0.10"}] = kAppMac;
    site.set_rules({kToApp}, {kName});
    site.answer(kLdn, "10.60.0.10", kAppMac);
  }

  Outcome send_up(const User& who) {
    return site.run(kRan,
                    uplink(who).ipv4(who.ue, "203.0.113.10").udp(4000, 80).payload("up").frame());
  }
  Outcome send_down(const User& who) {
    return site.run(kCore, downlink(who).ipv4("198.51.100.1", who.ue).udp(9, 9).frame());
  }
  void meet(const User& who) {
    send_up(who);
    send_down(who);
  }
  bool is_diverted(const User& who) { return send_up(who).out_port == kLdn; }
  uint64_t passed(Passed why) const {
    return site.counters.count([why](const WorkerCounters& w) -> const Counter& {
      return w.passed[static_cast<size_t>(why)];
    });
  }

  TestSite site;
  const User user;
};

TEST_F(WireTest, passes_everything_else_untouched_both_ways) {
  const auto tagged = [](FrameBuilder::Bytes frame) {
    const FrameBuilder::Bytes tag = {0x81, 0x00, 0x00, 0x2a};
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    return frame;
  };
  auto bad_checksum = uplink(user).ipv4(user.ue, "203.0.113.10").udp(1, 2).frame();
  bad_checksum[24] ^= 1;
  auto cut_short = uplink(user).ipv4(user.ue, "203.0.113.10").udp(1, 2).frame();
  cut_short.resize(60);
  auto unknown_version = uplink(user).ipv4(user.ue, "203.0.113.10").udp(1, 2).frame();
  unknown_version[42] = 0x50;
  FrameBuilder::Bytes arp(60, 0);
  std::fill_n(arp.begin(), 6, 0xff);
  arp[12] = 0x08;
  arp[13] = 0x06;
  FrameBuilder::Bytes odd(64, 0xaa);  // of no known Ethernet type
  const std::vector<std::pair<const char*, FrameBuilder::Bytes>> cases = {
      {"ARP", arp},
      {"an unknown type", odd},
      {"plain IP with one hop left",
       eth(kCoreMac, kGnbMac).ipv4("172.16.0.2", "172.16.0.1").ttl(1).tcp(1, 2).frame()},
      {"IPv6", eth(kCoreMac, kGnbMac).ipv6("fd01::2", "fd01::1").icmpv6_echo(1, 1).frame()},
      {"another UDP port",
       eth(kCoreMac, kGnbMac).ipv4("172.16.0.2", "172.16.0.1").udp(2152, 2153).frame()},
      {"a fragment", eth(kCoreMac, kGnbMac)
                         .ipv4("172.16.0.2", "172.16.0.1")
                         .fragment(0x2000)
                         .udp(2152, 2152)
                         .frame()},
      {"a VLAN", tagged(eth(kCoreMac, kGnbMac).ipv4("172.16.0.2", "172.16.0.1").tcp(1, 2).frame())},
      {"a wrong checksum", bad_checksum},
      {"a packet cut short", cut_short},
      {"GTP of another version", unknown_version},
      {"a user's fragment",
       uplink(user).ipv4(user.ue, "203.0.113.10").fragment(0x2000).udp(1, 2).frame()},
      {"not IP in the tunnel", uplink(user).payload("what is this").frame()},
  };
  for (const auto& [name, frame] : cases) {
    for (const auto& [from, to] : {std::pair{kRan, kCore}, {kCore, kRan}}) {
      const Outcome outcome = site.run(from, frame);
      EXPECT_EQ(outcome.verdict, Verdict::kSend) << name;
      EXPECT_EQ(outcome.out_port, to) << name;
      EXPECT_EQ(outcome.frame, frame) << name;
    }
  }
  EXPECT_EQ(site.learner->size(), 0U);
}

TEST_F(WireTest, drops_only_what_is_no_frame) {
  const Outcome outcome = site.run(kRan, {1, 2, 3});
  EXPECT_EQ(outcome.drop, DropReason::kMalformedFrame);
}

TEST_F(WireTest, diverts_a_user_whose_tunnels_are_known_both_ways) {
  const auto frame = uplink(user).ipv4(user.ue, "203.0.113.10").udp(4000, 80).payload("x").frame();
  Outcome outcome = site.run(kRan, frame);
  EXPECT_EQ(outcome.frame, frame);  // nobody knows yet where to answer
  EXPECT_FALSE(is_diverted(user));
  const auto answer = downlink(user).ipv4("198.51.100.1", user.ue).udp(9, 9).frame();
  outcome = site.run(kCore, answer);
  EXPECT_EQ(outcome.frame, answer);

  outcome = site.run(kRan, frame);
  EXPECT_EQ(outcome.verdict, Verdict::kSend);
  EXPECT_EQ(outcome.out_port, kLdn);
  EXPECT_EQ(hex(outcome.frame), hex(eth(kAppMac, kOwnMac)
                                        .ipv4(user.ue, "203.0.113.10")
                                        .ttl(63)
                                        .udp(4000, 80)
                                        .payload("x")
                                        .frame()));
  EXPECT_EQ(site.rule_status("to-app").hits, 1U);
}

TEST_F(WireTest, answers_of_the_app_come_as_if_the_core_had_sent_them) {
  meet(user);
  const auto outcome = site.run(
      kLdn, eth(kOwnMac, kAppMac).ipv4("203.0.113.10", user.ue).udp(80, 4000).payload("y").frame());
  EXPECT_EQ(outcome.verdict, Verdict::kSend);
  EXPECT_EQ(outcome.out_port, kRan);
  auto expected =
      downlink(user).ipv4("203.0.113.10", user.ue).ttl(63).udp(80, 4000).payload("y").frame();
  // The outer header forbids to be cut and has no UDP checksum, like the user plane's own.
  auto got = outcome.frame;
  ASSERT_EQ(got.size(), expected.size());
  for (const size_t at : {20U, 21U, 22U, 24U, 25U, 40U, 41U}) got[at] = expected[at] = 0;
  EXPECT_EQ(hex(got), hex(expected));
}

TEST_F(WireTest, keeps_vlan_tags_of_answers_and_ignores_their_priority) {
  const FrameBuilder::Bytes tag = {0x81, 0x00, 0x60, 0x2a};
  const auto tagged = [&](FrameBuilder::Bytes frame) {
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    return frame;
  };
  site.run(kRan, tagged(uplink(user).ipv4(user.ue, "203.0.113.10").udp(4000, 80).frame()));
  site.run(kCore, tagged(downlink(user).ipv4("198.51.100.1", user.ue).udp(9, 9).frame()));
  const auto outcome =
      site.run(kRan, tagged(uplink(user).ipv4(user.ue, "203.0.113.10").udp(4000, 80).frame()));
  EXPECT_EQ(outcome.out_port, kLdn);
  const auto answer =
      site.run(kLdn, eth(kOwnMac, kAppMac).ipv4("203.0.113.10", user.ue).udp(80, 4000).frame());
  ASSERT_EQ(answer.out_port, kRan);
  EXPECT_TRUE(std::equal(tag.begin(), tag.end(), answer.frame.begin() + 12));
}

TEST_F(WireTest, copies_the_class_of_the_tunnel_but_no_mark_of_congestion) {
  send_up(user);
  site.run(kCore, eth(kGnbMac, kCoreMac)
                      .ipv4(user.core, user.gnb)
                      .tos(0x2b)  // congestion experienced, there and then
                      .udp(2152, 2152)
                      .gtpu(user.down, 5, false)
                      .ipv4("198.51.100.1", user.ue)
                      .udp(9, 9)
                      .frame());
  const auto answer =
      site.run(kLdn, eth(kOwnMac, kAppMac).ipv4("203.0.113.10", user.ue).udp(80, 4000).frame());
  ASSERT_EQ(answer.out_port, kRan);
  EXPECT_EQ(answer.frame[15], 0x28);
}

TEST_F(WireTest, forgets_a_silent_user_however_much_an_app_sends) {
  const auto pass_seconds = [&](auto each_second) {
    for (int i = 0; i < 15; ++i) {
      each_second();
      site.pass(std::chrono::seconds(1));
    }
  };
  meet(user);
  pass_seconds([&] { EXPECT_EQ(send_up(user).out_port, kLdn); });
  EXPECT_EQ(site.learner->size(), 1U);
  const auto push = eth(kOwnMac, kAppMac).ipv4("203.0.113.10", user.ue).udp(80, 4000).frame();
  pass_seconds([&] { site.run(kLdn, push); });
  EXPECT_EQ(site.learner->size(), 0U);
  EXPECT_EQ(site.run(kLdn, push).verdict, Verdict::kDrop);
}

TEST_F(WireTest, learns_users_of_ipv6_by_their_prefix) {
  User six = user;
  six.ue = "fd45:0:0:2::7";
  site.run(kRan, uplink(six).ipv6(six.ue, "2001:db8::1").udp(1, 2).frame());
  site.run(kCore, downlink(six).ipv6("2001:db8::1", six.ue).udp(2, 1).frame());
  const auto up = uplink(six).ipv6("fd45:0:0:2::1234", "2001:db8:113::10").udp(4000, 80).frame();
  EXPECT_EQ(site.run(kRan, up).out_port, kLdn);
  const auto down = site.run(
      kLdn, eth(kOwnMac, kAppMac).ipv6("2001:db8:113::10", "fd45:0:0:2::99").udp(80, 4000).frame());
  EXPECT_EQ(down.out_port, kRan);
}

TEST_F(WireTest, works_over_ipv6_tunnels) {
  const auto up = [&] {
    return eth(kCoreMac, kGnbMac)
        .ipv6("fd16::2", "fd16::1")
        .udp(2152, 2152)
        .gtpu(1, {})
        .ipv4(user.ue, "203.0.113.10")
        .udp(4000, 80)
        .frame();
  };
  site.run(kRan, up());
  site.run(kCore, eth(kGnbMac, kCoreMac)
                      .ipv6("fd16::1", "fd16::2")
                      .udp(2152, 2152)
                      .gtpu(2, {}, false)
                      .ipv4("198.51.100.1", user.ue)
                      .udp(9, 9)
                      .frame());
  EXPECT_EQ(site.run(kRan, up()).out_port, kLdn);
  const auto down =
      site.run(kLdn, eth(kOwnMac, kAppMac).ipv4("203.0.113.10", user.ue).udp(80, 4000).frame());
  EXPECT_EQ(hex(down.frame), hex(eth(kGnbMac, kCoreMac)
                                     .ipv6("fd16::1", "fd16::2")
                                     .udp(2152, 2152)
                                     .gtpu(2, {}, false)
                                     .ipv4("203.0.113.10", user.ue)
                                     .ttl(63)
                                     .udp(80, 4000)
                                     .frame()));
}

TEST_F(WireTest, answers_names_with_a_rule_and_passes_the_others) {
  meet(user);
  const auto ask = [&](const char* name) {
    return site.run(kRan, uplink(user)
                              .ipv4(user.ue, "198.51.100.53")
                              .udp(5353, 53)
                              .payload(dns_query(7, name, 1))
                              .frame());
  };
  EXPECT_EQ(ask("video.example").out_port, kRan);
  const auto other = ask("other.example");
  EXPECT_EQ(other.out_port, kCore);
  EXPECT_EQ(hex(other.frame), hex(uplink(user)
                                      .ipv4(user.ue, "198.51.100.53")
                                      .udp(5353, 53)
                                      .payload(dns_query(7, "other.example", 1))
                                      .frame()));
}

TEST_F(WireTest, leaves_packets_alone_that_the_app_could_not_get) {
  meet(user);
  const auto last_hop = uplink(user).ipv4(user.ue, "203.0.113.10").ttl(1).udp(4000, 80).frame();
  const auto outcome = site.run(kRan, last_hop);
  EXPECT_EQ(outcome.out_port, kCore);
  EXPECT_EQ(outcome.frame, last_hop);
  site.alive.clear();  // the app dies
  site.pass(std::chrono::seconds(1));
  EXPECT_FALSE(is_diverted(user));
  EXPECT_EQ(site.rule_status("to-app").state, mp2::SteeringState::kSuspended);
}

TEST_F(WireTest, tells_users_of_packets_that_do_not_fit_the_app) {
  meet(user);
  const auto outcome = site.run(kRan, uplink(user)
                                          .ipv6("fd45:0:0:2::1", "2001:db8:113::10")
                                          .udp(1, 2)
                                          .payload(std::string(1500, 'x'))
                                          .frame());
  EXPECT_EQ(outcome.out_port, kCore);  // this user is not known yet
  User six = user;
  six.ue = "fd45:0:0:2::1";
  site.run(kCore, downlink(six).ipv6("2001:db8::1", six.ue).udp(9, 9).frame());
  const auto told = site.run(kRan, uplink(six)
                                       .ipv6(six.ue, "2001:db8:113::10")
                                       .udp(1, 2)
                                       .payload(std::string(1500, 'x'))
                                       .frame());
  EXPECT_EQ(told.out_port, kRan);  // packet too big, by the learned tunnel
  EXPECT_EQ(told.verdict, Verdict::kSend);
}

TEST_F(WireTest, refuses_rules_that_the_mode_cannot_carry_out) {
  site.set_rules({R"({"trafficRuleId": "copy", "filterType": "FLOW", "priority": 1,
    "trafficFilter": [{}], "action": "DUPLICATE_DECAPSULATED", "dstInterface": [
      {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"},
      {"interfaceType": "IP", "dstIpAddress": "10.60.0.11"}], "state": "ACTIVE"})",
                  R"({"trafficRuleId": "scoped", "filterType": "FLOW", "priority": 2,
    "trafficFilter": [{}], "action": "DROP", "scope": [{"dnn": "ims"}], "state": "ACTIVE"})"});
  for (const auto* rule : {"copy", "scoped"}) {
    EXPECT_EQ(site.rule_status(rule).state, mp2::SteeringState::kRejected) << rule;
    EXPECT_THAT(site.rule_status(rule).reason, ::testing::HasSubstr("inline"));
  }
}

TEST_F(WireTest, counts_each_frame_that_stays_under_one_reason) {
  meet(user);  // two of a user who is not known yet
  site.run(kRan, uplink(user).ipv4(user.ue, "198.51.100.9").udp(1, 2).frame());
  site.run(kCore, eth(kGnbMac, kCoreMac).ipv4("172.16.0.1", "172.16.0.2").tcp(1, 2).frame());
  EXPECT_EQ(passed(Passed::kUnknown), 2U);
  EXPECT_EQ(passed(Passed::kNoRule), 1U);
  EXPECT_EQ(passed(Passed::kOther), 1U);
}

}  // namespace
}  // namespace sluice::upf
