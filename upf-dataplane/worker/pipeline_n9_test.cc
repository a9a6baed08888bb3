// Tunnels between UPFs, uplink classification, and the copies that N4 asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using ::testing::SizeIs;
using Bytes = std::vector<uint8_t>;

constexpr auto kPsa = "192.168.3.9";  // another UPF, on the network of N3
constexpr auto kPsaMac = "02:00:00:00:00:09";
constexpr uint32_t kPsaTeid = 0x900;
constexpr auto kLocal = "203.0.113.10";     // what the classifier keeps here
constexpr auto kCentral = "198.51.100.10";  // what goes on to the anchor

class N9Test : public ::testing::Test {
 protected:
  N9Test() : spec(site.ue_session(2)), up(spec.pdrs.at(PdrId(1)).f_teid->teid) {
    site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
    site.alive[{kN3, kPsa}] = kPsaMac;
    site.alive[{kN6, "192.168.6.2"}] = kGatewayMac;
  }

  // Makes the session an uplink classifier's: kLocal leaves here, the rest goes to the anchor, from
  // which a tunnel leads back.
  void classify() {
    back = *site.sessions->allocate_teid();
    Pdr local = spec.pdrs.at(PdrId(1));
    local.id = PdrId(3);
    local.precedence = 10;
    local.sdf = {{.remote = *IpPrefix::parse("203.0.113.0/24")}};
    local.far = FarId(3);
    Pdr returned = spec.pdrs.at(PdrId(2));
    returned.id = PdrId(4);
    returned.f_teid = LocalFTeid{back, *Ipv4Address::parse("192.168.3.1")};
    returned.remove_outer_header = true;
    spec.fars[FarId(3)] = spec.fars.at(FarId(1));
    spec.fars[FarId(3)].id = FarId(3);
    spec.fars[FarId(1)].outer_header = OuterHeader{Teid(kPsaTeid), *IpAddress::parse(kPsa)};
    spec.pdrs[PdrId(3)] = local;
    spec.pdrs[PdrId(4)] = returned;
  }
  void install() {
    const auto done = site.sessions->install(spec);
    ASSERT_TRUE(done) << done.error().to_string();
    site.pass(Neighbours::kTick * 6);
  }
  static FrameBuilder from(const char* peer, const char* mac, uint32_t teid, bool uplink = true) {
    return eth(kOwnMac, mac).ipv4(peer, "192.168.3.1").udp(2152, 2152).gtpu(teid, 9, uplink);
  }
  Outcome uplink(const char* to, const char* ue = "10.45.0.2") {
    return site.run(
        kN3,
        from("192.168.3.2", kGnbMac, up.value()).ipv4(ue, to).udp(4000, 80).payload("up").frame());
  }
  Outcome returned(const char* ue = "10.45.0.2", uint8_t ttl = 64) {
    return site.run(kN3, from(kPsa, kPsaMac, back.value(), false)
                             .ipv4(kCentral, ue)
                             .ttl(ttl)
                             .udp(80, 4000)
                             .payload("down")
                             .frame());
  }
  static Bytes tunnelled(const char* mac, const char* peer, uint32_t teid, bool uplink,
                         const Bytes& inner) {
    Bytes frame = eth(mac, kOwnMac)
                      .ipv4("192.168.3.1", peer)
                      .fragment(0x4000)
                      .udp(2152, 2152)
                      .gtpu(teid, 9, uplink)
                      .payload(inner)
                      .frame();
    frame[14 + 26] = frame[14 + 27] = 0;  // no UDP checksum
    return frame;
  }

  TestSite site;
  SessionSpec spec;
  Teid up;
  Teid back;
};

TEST_F(N9Test, classifies_the_uplink) {
  classify();
  install();
  const auto local = uplink(kLocal);
  EXPECT_EQ(local.out_port, kN6);
  const auto central = uplink(kCentral);
  ASSERT_EQ(central.verdict, Verdict::kSend) << to_string(central.drop);
  EXPECT_EQ(central.out_port, kN3);
  EXPECT_EQ(central.frame,
            tunnelled(kPsaMac, kPsa, kPsaTeid, true,
                      ipv4("10.45.0.2", kCentral).ttl(63).udp(4000, 80).payload("up").frame()))
      << hex(central.frame);
}

TEST_F(N9Test, brings_home_what_comes_back_from_either) {
  classify();
  install();
  const auto from_anchor = returned();
  ASSERT_EQ(from_anchor.verdict, Verdict::kSend) << to_string(from_anchor.drop);
  EXPECT_EQ(from_anchor.frame,
            tunnelled(kGnbMac, "192.168.3.2", 0x1002, false,
                      ipv4(kCentral, "10.45.0.2").ttl(63).udp(80, 4000).payload("down").frame()));
  const auto from_here =
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kLocal, "10.45.0.2").udp(80, 4000).frame());
  EXPECT_EQ(from_here.out_port, kN3);
  EXPECT_EQ(site.sessions->remove(spec.seid).downlink_packets, 2U);
}

TEST_F(N9Test, tells_the_user_what_the_anchors_tunnel_carries_and_nobody_of_what_came_by_it) {
  classify();
  install();
  const auto big = [&](uint16_t flags) {
    return site.run(kN3, from("192.168.3.2", kGnbMac, up.value())
                             .ipv4("10.45.0.2", kCentral)
                             .fragment(flags)
                             .udp(4000, 80)
                             .payload(Bytes(1540))
                             .frame());
  };
  const auto told = big(0x4000);
  ASSERT_EQ(told.verdict, Verdict::kSend) << to_string(told.drop);
  EXPECT_EQ(MacAddress::from_bytes(told.frame.data()).to_string(), kGnbMac);
  const size_t icmp = 14 + 20 + 8 + 16 + 20;
  ASSERT_GT(told.frame.size(), icmp + 8);
  EXPECT_EQ(told.frame[icmp], 3);
  EXPECT_EQ(told.frame[icmp + 1], 4);
  EXPECT_EQ(told.frame[icmp + 6] << 8 | told.frame[icmp + 7], 1600 - 44);

  site.sent.clear();
  EXPECT_EQ(big(0).verdict, Verdict::kException);  // may be cut
  EXPECT_THAT(site.sent, SizeIs(2));

  EXPECT_EQ(returned("10.45.0.2", 1).drop, DropReason::kHopLimit);
}

TEST_F(N9Test, takes_no_tunnel_for_another) {
  classify();
  install();
  EXPECT_EQ(returned("10.45.0.9").drop, DropReason::kNoPdr);  // not this UE's
  // What a UE sends does not come by the anchor's tunnel, nor the other way round.
  EXPECT_EQ(
      site.run(kN3,
               from(kPsa, kPsaMac, back.value()).ipv4("10.45.0.2", kCentral).udp(4000, 80).frame())
          .drop,
      DropReason::kNoPdr);
  EXPECT_EQ(site.run(kN3, from("192.168.3.2", kGnbMac, up.value())
                              .ipv4(kCentral, "10.45.0.2")
                              .udp(80, 4000)
                              .frame())
                .drop,
            DropReason::kNoPdr);
}

TEST_F(N9Test, stands_between_others_without_knowing_the_user) {
  classify();
  spec.pdrs.erase(PdrId(2));
  spec.pdrs.erase(PdrId(3));
  for (auto& [id, pdr] : spec.pdrs) pdr.ue.reset();
  install();
  EXPECT_EQ(uplink(kCentral, "10.99.0.1").out_port, kN3);
  EXPECT_EQ(returned("10.99.0.1").out_port, kN3);
  // Who lets packets out of the tunnels has to know whose they are.
  spec.fars[FarId(1)].outer_header.reset();
  const auto refused = site.sessions->install(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "UE IP Address");
}

TEST_F(N9Test, steers_between_upfs_too) {
  classify();
  install();
  site.set_rules({R"({"trafficRuleId": "r", "filterType": "FLOW", "priority": 5,
      "trafficFilter": [{"dstAddress": ["198.51.100.10"]}], "action": "DROP",
      "state": "ACTIVE"})"});
  EXPECT_EQ(uplink(kCentral).drop, DropReason::kRuleDrop);
  EXPECT_EQ(returned().drop, DropReason::kRuleDrop);
  EXPECT_EQ(uplink(kLocal).out_port, kN6);
}

// --- DUPL ---

TEST_F(N9Test, copies_what_n4_wants_copied) {
  for (const bool forward : {true, false}) {
    auto copying = spec;
    for (const uint32_t far : {1U, 2U}) {
      Far& rule = copying.fars[FarId(far)];
      rule.forward = forward;
      rule.duplicate = true;
      rule.duplicates = {{.destination = Interface::kLiFunction,
                          .outer_header = {Teid(0x70 + far), *IpAddress::parse(kPsa)}}};
    }
    ASSERT_TRUE(site.sessions->install(copying));
    site.pass(Neighbours::kTick * 6);
    const auto copy_of = [](uint32_t teid, const Bytes& inner) {
      Bytes frame = eth(kPsaMac, kOwnMac)
                        .ipv4("192.168.3.1", kPsa)
                        .fragment(0x4000)
                        .udp(2152, 2152)
                        .gtpu(teid)
                        .payload(inner)
                        .frame();
      frame[14 + 26] = frame[14 + 27] = 0;
      return frame;
    };
    const auto out = uplink(kLocal);
    EXPECT_EQ(out.verdict, forward ? Verdict::kSend : Verdict::kDrop);
    ASSERT_THAT(site.copies, SizeIs(1));
    // As it came: the copy lost no hop.
    EXPECT_EQ(site.copies[0].frame,
              copy_of(0x71, ipv4("10.45.0.2", kLocal).udp(4000, 80).payload("up").frame()));
    const auto down =
        site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kLocal, "10.45.0.2").udp(80, 4000).frame());
    EXPECT_EQ(down.verdict, forward ? Verdict::kSend : Verdict::kDrop);
    ASSERT_THAT(site.copies, SizeIs(1));
    EXPECT_EQ(site.copies[0].frame, copy_of(0x72, ipv4(kLocal, "10.45.0.2").udp(80, 4000).frame()));
  }
}

TEST_F(N9Test, copies_nothing_that_a_gate_or_a_rate_stops) {
  Far& far = spec.fars[FarId(1)];
  far.duplicate = true;
  far.duplicates = {{.outer_header = {Teid(0x71), *IpAddress::parse(kPsa)}}};
  spec.pdrs.at(PdrId(1)).qers = {QerId(1)};
  spec.qers[QerId(1)].uplink_open = false;
  install();
  EXPECT_EQ(uplink(kLocal).drop, DropReason::kGateClosed);
  EXPECT_THAT(site.copies, SizeIs(0));
  spec.qers[QerId(1)].uplink_open = true;
  spec.qers[QerId(1)].mbr = BitRates{0, 0};
  install();
  EXPECT_EQ(uplink(kLocal).drop, DropReason::kRateExceeded);
  EXPECT_THAT(site.copies, SizeIs(0));
}

TEST_F(N9Test, copies_a_buffered_packet_when_it_leaves) {
  Far& far = spec.fars[FarId(2)];
  far.forward = false;
  far.buffer = true;
  far.duplicate = true;
  far.duplicates = {{.outer_header = {Teid(0x72), *IpAddress::parse(kPsa)}}};
  install();
  site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kLocal, "10.45.0.2").udp(80, 4000).frame());
  EXPECT_THAT(site.copies, SizeIs(0));
  site.sent.clear();
  far.forward = true;
  far.buffer = false;
  install();
  const auto is_gtpu = [](const auto& sent) {
    return sent.second[12] == 8 && sent.second[23] == 17;
  };
  EXPECT_EQ(std::ranges::count_if(site.sent, is_gtpu), 2);  // the copy and the packet
}

}  // namespace
}  // namespace sluice::upf
