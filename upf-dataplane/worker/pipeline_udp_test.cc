// Tunnels of UDP/IP into a data network: what the SMF asks for with N6 traffic routing information.
#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kEnd = "192.168.6.9";
constexpr auto kEnd6 = "fd06::9";
constexpr auto kEndMac = "02:00:00:00:00:19";
constexpr uint16_t kPort = 4789;
constexpr auto kSite = "198.51.100.7";

class UdpTunnelTest : public ::testing::Test {
 protected:
  void lead_to(const char* end, uint16_t port = kPort) {
    spec.fars.at(FarId(1)).outer_header = OuterHeader{Teid(), *IpAddress::parse(end), port};
  }
  // The PDRs of packets to the UE: by the tunnel alone, or without it.
  void come_by_tunnel(bool tunnel) { spec.pdrs.at(PdrId(2)).remove_udp_header = tunnel; }
  void install() {
    const auto done = site.sessions->install(spec);
    ASSERT_TRUE(done) << done.error().to_string();
    site.answer(kN3, "192.168.3.2", kGnbMac);
    site.answer(kN6, kEnd, kEndMac);
    site.answer(kN6, kEnd6, kEndMac);
  }
  Outcome up(const Bytes& inner) {
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(spec.pdrs.at(PdrId(1)).f_teid->teid.value(), 9)
                             .payload(inner)
                             .frame());
  }
  static Bytes inner_down() {
    return ipv4(kSite, "10.45.0.2").udp(80, 4000).payload("down").frame();
  }
  Outcome down(const Bytes& inner, const char* from = kEnd, uint16_t from_port = kPort,
               uint16_t to_port = kPort) {
    return site.run(kN6, eth(kOwnMac, kEndMac)
                             .ipv4(from, "192.168.6.1")
                             .udp(from_port, to_port)
                             .payload(inner)
                             .frame());
  }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

TEST_F(UdpTunnelTest, leads_packets_to_its_far_end) {
  lead_to(kEnd);
  install();
  const Bytes inner = ipv4("10.45.0.2", kSite).udp(4000, 80).payload("up").frame();
  const auto out = up(inner);
  ASSERT_EQ(out.verdict, Verdict::kSend) << to_string(out.drop);
  EXPECT_EQ(out.out_port, kN6);
  Bytes expected =
      eth(kEndMac, kOwnMac)
          .ipv4("192.168.6.1", kEnd)
          .fragment(0x4000)
          .udp(kPort, kPort)
          .payload(ipv4("10.45.0.2", kSite).ttl(63).udp(4000, 80).payload("up").frame())
          .frame();
  expected[14 + 26] = expected[14 + 27] = 0;  // no UDP checksum
  EXPECT_EQ(out.frame, expected) << hex(out.frame);
}

TEST_F(UdpTunnelTest, has_a_checksum_over_ipv6) {
  lead_to(kEnd6);
  install();
  const auto out = up(ipv4("10.45.0.2", kSite).udp(4000, 80).payload("up").frame());
  ASSERT_EQ(out.verdict, Verdict::kSend) << to_string(out.drop);
  EXPECT_EQ(out.frame,
            eth(kEndMac, kOwnMac)
                .ipv6("fd06::1", kEnd6)
                .udp(kPort, kPort)
                .payload(ipv4("10.45.0.2", kSite).ttl(63).udp(4000, 80).payload("up").frame())
                .frame())
      << hex(out.frame);
}

TEST_F(UdpTunnelTest, brings_packets_to_the_ue) {
  lead_to(kEnd);
  come_by_tunnel(true);
  install();
  const auto out = down(inner_down());
  ASSERT_EQ(out.verdict, Verdict::kSend) << to_string(out.drop);
  EXPECT_EQ(out.out_port, kN3);
  const Bytes got(out.frame.begin() + 14 + 28 + 16, out.frame.end());
  EXPECT_EQ(got, ipv4(kSite, "10.45.0.2").ttl(63).udp(80, 4000).payload("down").frame());
  EXPECT_EQ(
      site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kSite, "10.45.0.2").udp(80, 4000).frame()).drop,
      DropReason::kNoPdr)
      << "the PDR takes what comes by the tunnel";
}

TEST_F(UdpTunnelTest, takes_packets_from_its_far_end_alone) {
  lead_to(kEnd);
  come_by_tunnel(true);
  install();
  const Bytes inner = inner_down();
  EXPECT_EQ(down(inner, "192.168.6.8").drop, DropReason::kUnsupportedProtocol);
  EXPECT_EQ(down(inner, kEnd, 5000).drop, DropReason::kUnsupportedProtocol);
  EXPECT_EQ(down(inner, kEnd, kPort, 5000).drop, DropReason::kUnsupportedProtocol);
  EXPECT_EQ(down(ipv4(kSite, "10.45.0.9").udp(1, 2).frame()).drop, DropReason::kUnsupportedProtocol)
      << "nobody's";
  EXPECT_EQ(down({0x45, 0, 0}).drop, DropReason::kUnsupportedProtocol);
  // A PDR without Outer Header Removal takes what comes as it is.
  come_by_tunnel(false);
  install();
  EXPECT_EQ(down(inner).drop, DropReason::kNoPdr);
}

TEST_F(UdpTunnelTest, is_no_tunnel_of_the_base_stations) {
  lead_to(kEnd);
  come_by_tunnel(true);
  install();
  // The TEID that stands for it inside is not one on the wire.
  const auto out = site.run(kN3, eth(kOwnMac, kGnbMac)
                                     .ipv4("192.168.3.2", "192.168.3.1")
                                     .udp(2152, 2152)
                                     .gtpu(0xffffffff)
                                     .payload(inner_down())
                                     .frame());
  EXPECT_EQ(out.frame.at(14 + 28 + 1), 26) << "an Error Indication";
  EXPECT_EQ(site.sessions->remove(spec.seid).downlink_packets, 0U);
}

TEST_F(UdpTunnelTest, buffers_what_came_by_it) {
  lead_to(kEnd);
  come_by_tunnel(true);
  spec.fars.at(FarId(2)).forward = false;
  spec.fars.at(FarId(2)).buffer = true;
  install();
  EXPECT_EQ(down(inner_down()).verdict, Verdict::kHold);
  site.sent.clear();
  spec.fars.at(FarId(2)).forward = true;
  spec.fars.at(FarId(2)).buffer = false;
  install();
  ASSERT_EQ(site.sent.size(), 1U);
  EXPECT_EQ(site.sent[0].first, kN3);
}

TEST_F(UdpTunnelTest, cuts_or_tells_of_what_does_not_fit) {
  lead_to(kEnd);
  install();
  const auto big = [&](uint16_t flags) {
    return up(ipv4("10.45.0.2", kSite).fragment(flags).udp(1, 2).payload(Bytes(1452)).frame());
  };
  const auto told = big(0x4000);
  ASSERT_EQ(told.verdict, Verdict::kSend) << to_string(told.drop);
  EXPECT_EQ(told.out_port, kN3);
  site.sent.clear();
  EXPECT_EQ(big(0).verdict, Verdict::kException);
  ASSERT_EQ(site.sent.size(), 2U);
  for (const auto& [port, frame] : site.sent) {
    EXPECT_EQ(frame.size() - 14, size_t{frame[16]} << 8 | frame[17]);
    EXPECT_EQ(frame.size() - 34, size_t{frame[38]} << 8 | frame[39]) << "UDP's length";
  }
}

TEST_F(UdpTunnelTest, is_refused_where_it_leads_nowhere) {
  lead_to(kEnd);
  spec.fars.at(FarId(2)).outer_header->udp_port = kPort;
  auto done = site.sessions->install(spec);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().field, "Outer Header Creation");
  spec.fars.at(FarId(2)).outer_header->udp_port.reset();
  spec.pdrs.at(PdrId(1)).remove_udp_header = true;
  done = site.sessions->install(spec);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().field, "Outer Header Removal");
}

}  // namespace
}  // namespace sluice::upf
