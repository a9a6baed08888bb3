// What happens when a quota is used up, packets in a stretch of time, and what a UE does not get.
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kSite = "198.51.100.7";
constexpr auto kPortal = "203.0.113.9";
constexpr UrrId kUrr(4);
constexpr FarId kQuotaFar(9);

class LimitsTest : public ::testing::Test {
 protected:
  void install() {
    const auto done = site.sessions->install(spec);
    ASSERT_TRUE(done) << done.error().to_string();
    site.answer(kN3, "192.168.3.2", kGnbMac);
  }
  // A URR of both directions, with a FAR for when its quota is used up.
  void with_quota_action(const Far& far) {
    spec.fars[kQuotaFar] = far;
    Urr urr{.id = kUrr, .measures_volume = true};
    urr.quota_far = kQuotaFar;
    spec.urrs[kUrr] = urr;
    spec.pdrs.at(PdrId(1)).urrs = {kUrr};
    spec.pdrs.at(PdrId(2)).urrs = {kUrr};
    install();
  }
  void use_up(UrrId urr = kUrr) {
    UsageLimits limits;
    limits.blocked = true;
    site.sessions->set_usage_limits(spec.seid, urr, limits);
  }
  Outcome up(const Bytes& inner) {
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(spec.pdrs.at(PdrId(1)).f_teid->teid.value(), 9)
                             .payload(inner)
                             .frame());
  }
  Outcome up() { return up(ipv4("10.45.0.2", kSite).udp(4000, 80).payload("up").frame()); }
  Outcome down(const char* from = kSite) {
    return site.run(
        kN6,
        eth(kOwnMac, kGatewayMac).ipv4(from, "10.45.0.2").udp(80, 4000).payload("down").frame());
  }
  UsageTotals used(UrrId urr = kUrr) { return site.sessions->usage(spec.seid, urr).totals; }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

TEST_F(LimitsTest, a_used_up_quota_redirects_where_its_urr_says_so) {
  with_quota_action(
      {.id = kQuotaFar, .forward = true, .redirect = Redirect{.v4 = *Ipv4Address::parse(kPortal)}});
  EXPECT_EQ(Ipv4Address::from_bytes(&up().frame.at(14 + 16)).to_string(), kSite);
  EXPECT_EQ(down().verdict, Verdict::kSend);
  const auto before = used();
  use_up();
  const auto redirected = up();
  ASSERT_EQ(redirected.verdict, Verdict::kSend) << to_string(redirected.drop);
  EXPECT_EQ(Ipv4Address::from_bytes(&redirected.frame.at(14 + 16)).to_string(), kPortal);
  const auto reply = down(kPortal);
  ASSERT_EQ(reply.verdict, Verdict::kSend) << to_string(reply.drop);
  EXPECT_EQ(down("203.0.113.8").drop, DropReason::kQuotaExhausted) << "no reply to that";
  EXPECT_EQ(used(), before) << "what passes over the quota is not counted for it";
  site.sessions->set_usage_limits(spec.seid, kUrr, {});
  EXPECT_EQ(Ipv4Address::from_bytes(&up().frame.at(14 + 16)).to_string(), kSite);
}

TEST_F(LimitsTest, a_used_up_quota_leads_browsers_to_a_url) {
  with_quota_action(
      {.id = kQuotaFar, .forward = true, .redirect = Redirect{.url = "http://portal.example/"}});
  use_up();
  const auto handshake = up(ipv4("10.45.0.2", kSite).tcp(4000, 80, 2, 1).frame());
  ASSERT_EQ(handshake.verdict, Verdict::kSend) << to_string(handshake.drop);
  EXPECT_EQ(handshake.out_port, kN3);
  EXPECT_EQ(up().drop, DropReason::kRedirected);
  EXPECT_EQ(down().drop, DropReason::kQuotaExhausted);
}

TEST_F(LimitsTest, other_urrs_go_on_counting_what_passes_over_a_quota) {
  spec.urrs[UrrId(5)] = {.id = UrrId(5), .measures_volume = true};
  with_quota_action({.id = kQuotaFar, .forward = true});
  spec.pdrs.at(PdrId(1)).urrs = {kUrr, UrrId(5)};
  install();
  use_up();
  EXPECT_EQ(up().verdict, Verdict::kSend);
  EXPECT_EQ(used().uplink_packets, 0U);
  EXPECT_EQ(used(UrrId(5)).uplink_packets, 1U);
  // A quota without a FAR of its own stops all the same.
  use_up(UrrId(5));
  EXPECT_EQ(up().drop, DropReason::kQuotaExhausted);
}

TEST_F(LimitsTest, a_quota_action_may_drop_or_lead_into_another_tunnel) {
  with_quota_action({.id = kQuotaFar,
                     .forward = true,
                     .destination = Interface::kAccess,
                     .outer_header = OuterHeader{Teid(0x77), *IpAddress::parse("192.168.3.2")}});
  use_up();
  const auto slow = down();
  ASSERT_EQ(slow.verdict, Verdict::kSend) << to_string(slow.drop);
  EXPECT_EQ(slow.frame.at(14 + 28 + 7), 0x77);
  EXPECT_EQ(up().drop, DropReason::kQuotaExhausted) << "it leads back";
  with_quota_action({.id = kQuotaFar, .forward = false});
  use_up();
  EXPECT_EQ(up().drop, DropReason::kFarDrop);
}

TEST_F(LimitsTest, refuses_to_buffer_what_is_over_a_quota) {
  spec.fars[kQuotaFar] = {.id = kQuotaFar, .buffer = true};
  spec.urrs[kUrr] = {.id = kUrr, .measures_volume = true};
  spec.urrs[kUrr].quota_far = kQuotaFar;
  spec.pdrs.at(PdrId(1)).urrs = {kUrr};
  const auto done = site.sessions->install(spec);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(done.error().field, "FAR ID");
}

// --- dropped downlink traffic ---

TEST_F(LimitsTest, tells_of_packets_that_the_ue_does_not_get) {
  Urr urr{.id = kUrr, .measures_volume = true, .triggers = ReportingTriggers::kDroppedDownlink};
  urr.dropped_threshold.packets = 3;
  spec.urrs[kUrr] = urr;
  spec.pdrs.at(PdrId(2)).urrs = {kUrr};
  spec.fars.at(FarId(2)).forward = false;
  install();
  UsageLimits limits;
  limits.tell_dropped_packets = 3;
  site.sessions->set_usage_limits(spec.seid, kUrr, limits);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(down().drop, DropReason::kFarDrop);
    EXPECT_EQ(site.told.size(), i < 2 ? 0U : 1U) << "once";
  }
  const auto count = site.sessions->usage(spec.seid, kUrr);
  EXPECT_EQ(count.dropped_packets, 5U);
  EXPECT_EQ(count.dropped_bytes, 5 * (20 + 8 + 4U));
  EXPECT_EQ(count.totals, UsageTotals{});
}

TEST_F(LimitsTest, what_no_buffer_has_room_for_is_dropped_traffic_too) {
  Urr urr{.id = kUrr, .measures_volume = true, .triggers = ReportingTriggers::kDroppedDownlink};
  urr.dropped_threshold.packets = 2;
  spec.urrs[kUrr] = urr;
  spec.pdrs.at(PdrId(2)).urrs = {kUrr};
  spec.fars.at(FarId(2)).forward = false;
  spec.fars.at(FarId(2)).buffer = true;
  install();
  UsageLimits limits;
  limits.tell_dropped_packets = 2;
  site.sessions->set_usage_limits(spec.seid, kUrr, limits);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(down().verdict, Verdict::kHold);
  EXPECT_TRUE(site.sessions->take_told().empty()) << "eight are held, one was dropped";
  down();
  EXPECT_EQ(site.sessions->take_told(), std::vector{spec.seid});
  EXPECT_EQ(site.sessions->usage(spec.seid, kUrr).dropped_packets, 2U);
}

// --- packet rates ---

TEST_F(LimitsTest, counts_packets_in_a_stretch_of_time) {
  Qer& qer = spec.qers.at(QerId(1));
  qer.packet_rates =
      PacketRates{.uplink = PacketRate{.packets = 3, .time = std::chrono::minutes(1)}};
  spec.pdrs.at(PdrId(1)).qers = {QerId(1)};
  install();
  const auto passing = [&](int n) {
    int passed = 0;
    for (int i = 0; i < n; ++i) passed += up().verdict == Verdict::kSend ? 1 : 0;
    return passed;
  };
  EXPECT_EQ(passing(5), 3);
  EXPECT_EQ(up().drop, DropReason::kRateExceeded);
  EXPECT_EQ(down().verdict, Verdict::kSend) << "the other direction has no limit";
  site.clock.advance(std::chrono::seconds(59));
  install();  // a modification forgets nothing
  EXPECT_EQ(passing(5), 0);
  EXPECT_EQ(site.sessions->packets_left(spec.seid, QerId(1))->uplink, 0);
  site.clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(site.sessions->packets_left(spec.seid, QerId(1)), PacketRateLeft{.uplink = 3});
  EXPECT_EQ(passing(5), 3);
  qer.packet_rates->uplink->packets = 5;
  install();
  EXPECT_EQ(passing(5), 2) << "three of five are spent";
}

TEST_F(LimitsTest, goes_on_counting_packets_where_another_upf_stopped) {
  Qer& qer = spec.qers.at(QerId(1));
  qer.packet_rates = PacketRates{.uplink = PacketRate{.packets = 9, .time = std::chrono::hours(1)}};
  const auto until =
      std::chrono::floor<std::chrono::seconds>(site.clock.wall()) + std::chrono::minutes(10);
  qer.packets_left = PacketRateLeft{.uplink = 2, .until = until};
  spec.pdrs.at(PdrId(1)).qers = {QerId(1)};
  install();
  const auto left = site.sessions->packets_left(spec.seid, QerId(1));
  ASSERT_TRUE(left && left->until);
  EXPECT_EQ(left->uplink, 2);
  EXPECT_LE(*left->until, until + std::chrono::seconds(1));
  EXPECT_GE(*left->until, until - std::chrono::seconds(1));
  EXPECT_EQ(up().verdict, Verdict::kSend);
  EXPECT_EQ(up().verdict, Verdict::kSend);
  EXPECT_EQ(up().drop, DropReason::kRateExceeded);
  site.clock.advance(std::chrono::minutes(11));
  EXPECT_EQ(up().verdict, Verdict::kSend);
  EXPECT_FALSE(site.sessions->packets_left(spec.seid, QerId(7)));
}

}  // namespace
}  // namespace sluice::upf
