// Packet in, packet out: what the pipeline does with each kind of frame.
#include "upf-dataplane/worker/pipeline.h"

#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kFarHost = "198.51.100.7";
constexpr auto kFarHost6 = "2001:db8::7";

// The user's side of a packet in UE 2's tunnel.
FrameBuilder tunnel(Teid teid, std::optional<uint8_t> qfi = 9) {
  return eth(kOwnMac, kGnbMac)
      .ipv4("192.168.3.2", "192.168.3.1")
      .udp(2152, 2152)
      .gtpu(teid.value(), qfi);
}

// What leaves towards the gNB for UE n; outer ports and identification as the UPF chooses them.
FrameBuilder to_ue(uint8_t n) {
  return eth(kGnbMac, kOwnMac)
      .ipv4("192.168.3.1", "192.168.3.2")
      .fragment(0x4000)
      .udp(2152, 2152)
      .gtpu(0x1000U + n, 9, false);
}

// The outer UDP checksum is optional over IPv4 and the UPF leaves it out.
Bytes without_outer_udp_checksum(Bytes frame) {
  frame[14 + 20 + 6] = 0;
  frame[14 + 20 + 7] = 0;
  return frame;
}

void expect_sent(const Outcome& outcome, PortIndex port, const Bytes& expected) {
  ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.out_port, port);
  EXPECT_EQ(outcome.frame, expected) << "got" << hex(outcome.frame) << "\nwant" << hex(expected);
}

class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() : teid(site.add_ue(2)) {}

  void expect_dropped(PortIndex port, const Bytes& frame, DropReason reason) {
    const auto counted = [&] {
      return site.counters.count(
          [&](const auto& w) -> const Counter& { return w.dropped[static_cast<size_t>(reason)]; });
    };
    const auto before = counted();
    const auto outcome = site.run(port, frame);
    EXPECT_EQ(outcome.verdict, Verdict::kDrop);
    EXPECT_EQ(to_string(outcome.drop), to_string(reason));
    EXPECT_EQ(counted(), before + 1);
  }

  TestSite site;
  Teid teid;
};

TEST_F(PipelineTest, decapsulates_uplink_towards_the_gateway) {
  const auto outcome = site.run(
      kN3, tunnel(teid).ipv4("10.45.0.2", kFarHost).udp(4000, 80).payload("hello").frame());
  expect_sent(outcome, kN6,
              eth(kGatewayMac, kOwnMac)
                  .ipv4("10.45.0.2", kFarHost)
                  .ttl(63)
                  .udp(4000, 80)
                  .payload("hello")
                  .frame());
}

TEST_F(PipelineTest, decapsulates_ipv6_uplink_and_cuts_padding) {
  auto frame = tunnel(teid).ipv6("fd45:0:0:2::1", kFarHost6).tcp(4000, 443).payload("x").frame();
  frame.insert(frame.end(), 9, 0xee);  // Ethernet padding is no part of the packet
  expect_sent(site.run(kN3, frame), kN6,
              eth(kGatewayMac, kOwnMac)
                  .ipv6("fd45:0:0:2::1", kFarHost6)
                  .ttl(63)
                  .tcp(4000, 443)
                  .payload("x")
                  .frame());
}

TEST_F(PipelineTest, encapsulates_downlink_with_the_qfi_of_the_qer) {
  const auto outcome = site.run(
      kN6,
      eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.2").udp(80, 4000).payload("world").frame());
  expect_sent(
      outcome, kN3,
      without_outer_udp_checksum(
          to_ue(2).ipv4(kFarHost, "10.45.0.2").ttl(63).udp(80, 4000).payload("world").frame()));
}

TEST_F(PipelineTest, encapsulates_ipv6_downlink_of_any_host_of_the_prefix) {
  const auto inner =
      ipv6(kFarHost6, "fd45:0:0:2:1234::9").ttl(63).udp(80, 4000).payload("w").frame();
  const auto outcome = site.run(kN6, eth(kOwnMac, kGatewayMac)
                                         .ipv6(kFarHost6, "fd45:0:0:2:1234::9")
                                         .udp(80, 4000)
                                         .payload("w")
                                         .frame());
  expect_sent(outcome, kN3, without_outer_udp_checksum(to_ue(2).payload(inner).frame()));
}

TEST_F(PipelineTest, tunnels_over_ipv6_with_a_udp_checksum) {
  auto spec = site.ue_session(3);
  spec.fars[FarId(2)].outer_header = OuterHeader{Teid(0x77), *IpAddress::parse("fd03::2")};
  ASSERT_TRUE(site.sessions->install(spec));
  site.answer(kN3, "fd03::2", kGnbMac);
  const auto inner = ipv4(kFarHost, "10.45.0.3").ttl(63).udp(80, 4000).payload("odd").frame();
  const auto outcome = site.run(
      kN6,
      eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.3").udp(80, 4000).payload("odd").frame());
  expect_sent(outcome, kN3,
              eth(kGnbMac, kOwnMac)
                  .ipv6("fd03::1", "fd03::2")
                  .udp(2152, 2152)
                  .gtpu(0x77, 9, false)
                  .payload(inner)
                  .frame());
}

TEST_F(PipelineTest, takes_tunnels_over_ipv6) {
  const auto frame = eth(kOwnMac, kGnbMac)
                         .ipv6("fd03::2", "fd03::1")
                         .udp(2152, 2152)
                         .gtpu(teid.value(), 9)
                         .ipv4("10.45.0.2", kFarHost)
                         .udp(1, 2)
                         .frame();
  expect_sent(site.run(kN3, frame), kN6,
              eth(kGatewayMac, kOwnMac).ipv4("10.45.0.2", kFarHost).ttl(63).udp(1, 2).frame());
}

TEST_F(PipelineTest, counts_what_a_session_used) {
  site.run(kN3, tunnel(teid).ipv4("10.45.0.2", kFarHost).udp(1, 2).payload("12").frame());
  site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.2").udp(2, 1).frame());
  site.sessions->each_usage([](Seid, const SessionUsage& usage) {
    EXPECT_EQ(usage.uplink_packets, 1U);
    EXPECT_EQ(usage.uplink_bytes, 30U);
    EXPECT_EQ(usage.downlink_packets, 1U);
    EXPECT_EQ(usage.downlink_bytes, 28U);
  });
}

TEST_F(PipelineTest, drops_what_it_cannot_place_and_says_why) {
  struct Case {
    const char* what;
    PortIndex port;
    Bytes frame;
    DropReason reason;
  };
  const auto inner = [](const FrameBuilder& outer) {
    return FrameBuilder(outer).ipv4("10.45.0.2", kFarHost).udp(1, 2);
  };
  auto bad_checksum = inner(tunnel(teid)).frame();
  bad_checksum[14 + 10] ^= 0x01;
  auto bad_version = inner(tunnel(teid)).frame();
  bad_version[14 + 28] = 0x54;
  auto long_gtpu = inner(tunnel(teid)).frame();
  long_gtpu[14 + 28 + 3] = 0xff;
  auto endless_extension = inner(tunnel(teid)).frame();
  endless_extension[14 + 28 + 12] = 0;  // an extension of length zero
  auto long_inner = tunnel(teid).ipv4("10.45.0.2", kFarHost).udp(1, 2).frame();
  long_inner[14 + 28 + 16 + 3] = 0x60;
  const auto plain = eth(kOwnMac, kGnbMac).ipv4("192.168.3.2", "192.168.3.1");
  const std::vector<Case> cases = {
      {"a runt", kN3, Bytes(13), DropReason::kMalformedFrame},
      {"an unknown Ethernet type", kN3, Bytes(60, 0xff), DropReason::kUnsupportedProtocol},
      {"another host's frame", kN3,
       FrameBuilder()
           .eth("02:00:00:00:00:99", kGnbMac)
           .ipv4("1.2.3.4", "1.2.3.5")
           .udp(1, 2)
           .frame(),
       DropReason::kNotForUs},
      {"a bad outer checksum", kN3, bad_checksum, DropReason::kMalformedFrame},
      {"GTP version 2", kN3, bad_version, DropReason::kMalformedGtpu},
      {"a GTP-U length past the end", kN3, long_gtpu, DropReason::kMalformedGtpu},
      {"an extension header of length zero", kN3, endless_extension, DropReason::kMalformedGtpu},
      {"a user's packet longer than its tunnel", kN3, long_inner, DropReason::kMalformedInner},
      {"no user's packet at all", kN3, tunnel(teid).frame(), DropReason::kMalformedInner},
      {"no tunnel", kN3, inner(tunnel(Teid(0))).frame(), DropReason::kUnknownTunnel},
      {"a tunnel to another address", kN3,
       inner(
           eth(kOwnMac, kGnbMac).ipv4("192.168.3.2", "192.168.3.9").udp(1, 2152).gtpu(teid.value()))
           .frame(),
       DropReason::kNotForUs},
      {"a spoofed source", kN3, tunnel(teid).ipv4("10.45.0.3", kFarHost).udp(1, 2).frame(),
       DropReason::kNoPdr},
      {"a link-local source", kN3,
       tunnel(teid).ipv6("fe80::1", "ff02::2").icmpv6_echo(1, 1).frame(), DropReason::kNoPdr},
      {"another UDP service", kN3, FrameBuilder(plain).udp(1, 53).frame(),
       DropReason::kUnsupportedProtocol},
      {"a destination that is no UE", kN6,
       eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.77").udp(1, 2).frame(),
       DropReason::kUnknownUe},
      {"an IPv6 header in an IPv4 frame", kN6,
       [] {
         auto frame = eth(kOwnMac, kGatewayMac).ipv6(kFarHost6, "fd45:0:0:2::1").udp(1, 2).frame();
         frame[12] = 0x08;
         frame[13] = 0x00;
         return frame;
       }(),
       DropReason::kMalformedInner},
      {"a group", kN3, tunnel(teid).ipv4("10.45.0.2", "224.0.0.251").udp(1, 2).frame(),
       DropReason::kNotForwardable},
      {"a link-local address", kN3, tunnel(teid).ipv6("fd45:0:0:2::1", "fe80::1").udp(1, 2).frame(),
       DropReason::kNotForwardable},
      {"the UPF's own address on N6", kN3,
       tunnel(teid).ipv4("10.45.0.2", "192.168.6.1").udp(1, 2).frame(), DropReason::kNoNextHop},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    expect_dropped(c.port, c.frame, c.reason);
  }
}

TEST_F(PipelineTest, survives_every_truncation_of_a_frame) {
  const auto whole = tunnel(teid)
                         .ipv6("fd45:0:0:2::1", kFarHost6)
                         .udp(1, 53)
                         .payload(dns_query(1, "a.b", 1))
                         .frame();
  for (size_t length = 0; length < whole.size(); ++length) {
    // Nothing lies behind the frame, so that a sanitizer sees every byte read too many.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(length));
    EXPECT_EQ(site.run(kN3, std::vector<Bytes>{cut}, 0, 0).front().verdict, Verdict::kDrop)
        << length;
  }
}

TEST_F(PipelineTest, drops_when_the_buffer_has_no_room_for_the_tunnel) {
  const auto frame = eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.2").udp(1, 2).frame();
  const auto outcome = site.run(kN6, std::vector<Bytes>{frame}, 8, 0).front();
  EXPECT_EQ(outcome.verdict, Verdict::kDrop);
  EXPECT_EQ(to_string(outcome.drop), to_string(DropReason::kNoRoom));
}

TEST_F(PipelineTest, asks_the_control_thread_for_an_unknown_neighbour) {
  const auto outcome =
      site.run(kN3, tunnel(teid).ipv4("10.45.0.2", "192.168.6.50").udp(1, 2).frame());
  EXPECT_EQ(outcome.verdict, Verdict::kPuntResolve);
  EXPECT_EQ(outcome.out_port, kN6);
  EXPECT_EQ(outcome.frame, eth("00:00:00:00:00:00", kOwnMac)
                               .ipv4("10.45.0.2", "192.168.6.50")
                               .ttl(63)
                               .udp(1, 2)
                               .frame());
  // Which finds it, sends what waited, and lets the workers send on their own from then on.
  site.sent.clear();
  site.neighbours->resolve_and_send(kN6, outcome.frame);
  site.answer(kN6, "192.168.6.50", "02:00:00:00:00:50");
  ASSERT_EQ(site.sent.size(), 2U);  // the question, and the packet that waited
  EXPECT_EQ(site.sent.back().second, eth("02:00:00:00:00:50", kOwnMac)
                                         .ipv4("10.45.0.2", "192.168.6.50")
                                         .ttl(63)
                                         .udp(1, 2)
                                         .frame());
  expect_sent(site.run(kN3, tunnel(teid).ipv4("10.45.0.2", "192.168.6.50").udp(1, 2).frame()), kN6,
              eth("02:00:00:00:00:50", kOwnMac)
                  .ipv4("10.45.0.2", "192.168.6.50")
                  .ttl(63)
                  .udp(1, 2)
                  .frame());
}

TEST_F(PipelineTest, drops_towards_a_gateway_that_stopped_to_answer) {
  site.pass(std::chrono::seconds(8));
  expect_dropped(kN3, tunnel(teid).ipv4("10.45.0.2", kFarHost).udp(1, 2).frame(),
                 DropReason::kNoNextHop);
}

// --- sessions ---

TEST_F(PipelineTest, obeys_gates_and_the_far) {
  auto spec = site.ue_session(4);
  const auto uplink =
      tunnel(spec.pdrs[PdrId(1)].f_teid->teid).ipv4("10.45.0.4", kFarHost).udp(1, 2).frame();
  const auto downlink = eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.4").udp(1, 2).frame();
  spec.pdrs[PdrId(1)].qers = {QerId(1)};
  spec.qers[QerId(1)].uplink_open = false;
  spec.fars[FarId(2)].forward = false;
  ASSERT_TRUE(site.sessions->install(spec));
  expect_dropped(kN3, uplink, DropReason::kGateClosed);
  expect_dropped(kN6, downlink, DropReason::kFarDrop);

  spec.qers[QerId(1)].uplink_open = true;
  spec.fars[FarId(2)].forward = true;
  ASSERT_TRUE(site.sessions->install(spec));  // a modification
  EXPECT_EQ(site.run(kN3, uplink).verdict, Verdict::kSend);
  EXPECT_EQ(site.run(kN6, downlink).verdict, Verdict::kSend);

  site.sessions->remove(spec.seid);
  EXPECT_EQ(site.run(kN3, uplink).out_port, kN3);  // the base station is told
  expect_dropped(kN6, downlink, DropReason::kUnknownUe);
}

TEST_F(PipelineTest, lets_the_lowest_precedence_value_win_and_matches_sdf_both_ways) {
  // UE 5: TCP port 443 of the far host is dropped, everything else goes.
  auto spec = site.ue_session(5);
  SdfFilter https;
  https.protocol = 6;
  https.remote = *IpPrefix::parse("198.51.100.0/24");
  https.remote_ports = {{443, 443}};
  Pdr up = spec.pdrs[PdrId(1)];
  up.id = PdrId(11);
  up.precedence = 10;
  up.sdf = {https};
  up.far = FarId(9);
  Pdr down = spec.pdrs[PdrId(2)];
  down.id = PdrId(12);
  down.precedence = 10;
  down.sdf = {https};
  down.far = FarId(9);
  spec.pdrs[up.id] = up;
  spec.pdrs[down.id] = down;
  spec.fars[FarId(9)] = {
      .id = FarId(9), .forward = false, .network_instance = {}, .outer_header = {}};
  ASSERT_TRUE(site.sessions->install(spec));
  const Teid tunnel_id = up.f_teid->teid;

  expect_dropped(kN3, tunnel(tunnel_id).ipv4("10.45.0.5", kFarHost).tcp(5000, 443).frame(),
                 DropReason::kFarDrop);
  expect_dropped(kN6, eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.5").tcp(443, 5000).frame(),
                 DropReason::kFarDrop);
  // Not the other way round: the UE's own port 443 is not the far host's.
  EXPECT_EQ(
      site.run(kN3, tunnel(tunnel_id).ipv4("10.45.0.5", kFarHost).tcp(443, 5000).frame()).verdict,
      Verdict::kSend);
  EXPECT_EQ(
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.5").tcp(5000, 443).frame())
          .verdict,
      Verdict::kSend);
  EXPECT_EQ(
      site.run(kN3, tunnel(tunnel_id).ipv4("10.45.0.5", kFarHost).udp(5000, 443).frame()).verdict,
      Verdict::kSend);
}

TEST_F(PipelineTest, matches_the_qfi_of_a_pdr) {
  auto spec = site.ue_session(6);
  spec.pdrs[PdrId(1)].qfis = {Qfi(5)};
  ASSERT_TRUE(site.sessions->install(spec));
  const Teid tunnel_id = spec.pdrs[PdrId(1)].f_teid->teid;
  EXPECT_EQ(
      site.run(kN3, tunnel(tunnel_id, 5).ipv4("10.45.0.6", kFarHost).udp(1, 2).frame()).verdict,
      Verdict::kSend);
  expect_dropped(kN3, tunnel(tunnel_id, 6).ipv4("10.45.0.6", kFarHost).udp(1, 2).frame(),
                 DropReason::kNoPdr);
}

TEST_F(PipelineTest, takes_only_the_address_family_that_a_pdr_names) {
  auto spec = site.ue_session(7);
  const Teid tunnel_id = spec.pdrs[PdrId(1)].f_teid->teid;
  Pdr v6 = spec.pdrs[PdrId(1)];
  v6.id = PdrId(3);
  v6.precedence = 200;
  v6.ue->v4.reset();
  v6.far = FarId(9);
  spec.pdrs[PdrId(1)].ue->v6.reset();
  spec.pdrs[v6.id] = v6;
  spec.fars[FarId(9)] = {
      .id = FarId(9), .forward = false, .network_instance = {}, .outer_header = {}};
  ASSERT_TRUE(site.sessions->install(spec));
  EXPECT_EQ(site.run(kN3, tunnel(tunnel_id).ipv4("10.45.0.7", kFarHost).udp(1, 2).frame()).verdict,
            Verdict::kSend);
  expect_dropped(kN3, tunnel(tunnel_id).ipv6("fd45:0:0:7::1", kFarHost6).udp(1, 2).frame(),
                 DropReason::kFarDrop);
}

TEST_F(PipelineTest, matches_a_named_qfi_only_with_a_container) {
  auto spec = site.ue_session(8);
  spec.pdrs[PdrId(1)].qfis = {Qfi(0)};
  ASSERT_TRUE(site.sessions->install(spec));
  const Teid tunnel_id = spec.pdrs[PdrId(1)].f_teid->teid;
  expect_dropped(kN3, tunnel(tunnel_id, {}).ipv4("10.45.0.8", kFarHost).udp(1, 2).frame(),
                 DropReason::kNoPdr);
  EXPECT_EQ(
      site.run(kN3, tunnel(tunnel_id, 0).ipv4("10.45.0.8", kFarHost).udp(1, 2).frame()).verdict,
      Verdict::kSend);
}

TEST_F(PipelineTest, keeps_the_order_of_a_burst) {
  std::vector<Bytes> frames;
  for (int i = 0; i < 64; ++i) {
    frames.push_back(
        tunnel(teid).ipv4("10.45.0.2", kFarHost).udp(1, 2).payload(std::to_string(i)).frame());
  }
  const auto outcomes = site.run(kN3, frames);
  for (int i = 0; i < 64; ++i) {
    expect_sent(outcomes[static_cast<size_t>(i)], kN6,
                eth(kGatewayMac, kOwnMac)
                    .ipv4("10.45.0.2", kFarHost)
                    .ttl(63)
                    .udp(1, 2)
                    .payload(std::to_string(i))
                    .frame());
  }
}

}  // namespace
}  // namespace sluice::upf
