// What an SMF may ask for besides the plain case: a path to the CP function, framed routes,
// prefixes that are no /64.
#include <gtest/gtest.h>

#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kFarHost = "198.51.100.7";
constexpr auto kSmf = "192.168.3.9";
constexpr auto kSmfMac = "02:00:00:00:00:09";
constexpr size_t kTunnel = 14 + 20 + 8 + 8;  // Ethernet, IPv4, UDP, GTP-U without extensions

// As an SMF sets it up for router discovery: what the UE sends to the routers of its link goes to
// the SMF, and what comes from there goes to the UE.
class PathToCpFunction : public ::testing::Test {
 protected:
  PathToCpFunction() {
    Pdr to_cp = spec.pdrs.at(PdrId(1));
    to_cp.id = PdrId(3);
    to_cp.precedence = 1;
    to_cp.ue.reset();
    to_cp.sdf = {{.protocol = 58, .remote = *IpPrefix::parse("ff02::2/128")}};
    to_cp.far = FarId(3);
    Pdr from_cp;
    from_cp.id = PdrId(4);
    from_cp.source = Interface::kCpFunction;
    cp_teid = *site.sessions->allocate_teid();
    from_cp.f_teid = LocalFTeid{cp_teid, *Ipv4Address::parse("192.168.3.1"), {}};
    from_cp.remove_outer_header = true;
    from_cp.far = FarId(2);
    from_cp.qers = {QerId(1)};
    spec.pdrs[to_cp.id] = to_cp;
    spec.pdrs[from_cp.id] = from_cp;
    spec.fars[FarId(3)] = {.id = FarId(3),
                           .forward = true,
                           .destination = Interface::kCpFunction,
                           .outer_header = OuterHeader{Teid(0x77), *IpAddress::parse(kSmf)}};
    EXPECT_TRUE(site.sessions->install(spec));
    teid = spec.pdrs.at(PdrId(1)).f_teid->teid;
    site.answer(kN3, "192.168.3.2", kGnbMac);
    site.answer(kN3, kSmf, kSmfMac);
  }
  // ICMPv6 of any kind does for a router solicitation.
  static FrameBuilder solicitation(const char* source = "fe80::2", const char* to = "ff02::2") {
    return std::move(ipv6(source, to).ttl(255).icmpv6_echo(1, 2));
  }
  Outcome from_ue(const Bytes& inner, const char* outer = "192.168.3.2", uint32_t tunnel = 0) {
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4(outer, "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(tunnel != 0 ? tunnel : teid.value(), 9)
                             .payload(inner)
                             .frame());
  }
  static Bytes behind(const Bytes& frame, size_t offset) {
    return {frame.begin() + static_cast<long>(std::min(offset, frame.size())), frame.end()};
  }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
  Teid teid, cp_teid;
};

TEST_F(PathToCpFunction, takes_router_solicitations_to_the_smf_as_they_are) {
  for (const char* source : {"fe80::2", "::"}) {
    const Bytes inner = solicitation(source).frame();
    const auto out = from_ue(inner);
    ASSERT_EQ(out.verdict, Verdict::kSend) << source;
    EXPECT_EQ(out.out_port, kN3);
    EXPECT_EQ(behind(out.frame, kTunnel), inner) << "no hop is lost";
    const auto expected = eth(kSmfMac, kOwnMac)
                              .ipv4("192.168.3.1", kSmf)
                              .fragment(0x4000)
                              .udp(2152, 2152)
                              .gtpu(0x77)
                              .payload(inner)
                              .frame();
    EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + 14 + 20, out.frame.begin()))
        << hex(out.frame);
  }
  EXPECT_EQ(site.sessions->remove(spec.seid).uplink_packets, 2U);
}

TEST_F(PathToCpFunction, takes_nothing_else_there) {
  EXPECT_EQ(from_ue(solicitation("fe80::2", "ff02::1").frame()).drop, DropReason::kNoPdr);
  EXPECT_EQ(from_ue(solicitation("2001:db8::66").frame()).drop, DropReason::kNoPdr)
      << "somebody else's address";
  EXPECT_EQ(from_ue(ipv4("10.45.0.2", kFarHost).udp(1, 2).frame()).out_port, kN6);
}

TEST_F(PathToCpFunction, takes_advertisements_to_the_ue) {
  for (const char* to : {"ff02::1", "fe80::2", "fd45:0:0:2::5"}) {
    const Bytes inner = solicitation("fe80::1", to).frame();
    const auto out = from_ue(inner, kSmf, cp_teid.value());
    ASSERT_EQ(out.verdict, Verdict::kSend) << to;
    EXPECT_EQ(behind(out.frame, kTunnel + 8), inner) << "behind the container with the QFI";
    const auto expected = eth(kGnbMac, kOwnMac)
                              .ipv4("192.168.3.1", "192.168.3.2")
                              .fragment(0x4000)
                              .udp(2152, 2152)
                              .gtpu(0x1002, 9, false)
                              .payload(inner)
                              .frame();
    EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + 14 + 20, out.frame.begin()));
    EXPECT_EQ(behind(out.frame, 14 + 28), behind(expected, 14 + 28)) << hex(out.frame);
  }
  EXPECT_EQ(from_ue(solicitation("fe80::1", "2001:db8::5").frame(), kSmf, cp_teid.value()).drop,
            DropReason::kNoPdr);
  EXPECT_EQ(site.sessions->remove(spec.seid).downlink_packets, 3U);
}

TEST_F(PathToCpFunction, waits_with_advertisements_for_a_ue_that_is_away) {
  spec.fars.at(FarId(2)).forward = false;
  spec.fars.at(FarId(2)).buffer = true;
  ASSERT_TRUE(site.sessions->install(spec));
  const Bytes inner = solicitation("fe80::1", "ff02::1").frame();
  EXPECT_EQ(from_ue(inner, kSmf, cp_teid.value()).verdict, Verdict::kHold);
  EXPECT_EQ(site.held.back(), std::pair(spec.seid, PdrId(4)));
  site.sent.clear();
  spec.fars.at(FarId(2)).forward = true;
  spec.fars.at(FarId(2)).buffer = false;
  site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
  ASSERT_TRUE(site.sessions->install(spec));
  ASSERT_FALSE(site.sent.empty());
  EXPECT_EQ(behind(site.sent.back().second, kTunnel + 8), inner);
}

class FramedRoutes : public ::testing::Test {
 protected:
  void install(const char* v6, std::vector<const char*> routes) {
    for (auto& [id, pdr] : spec.pdrs) {
      pdr.ue->v6 = *IpPrefix::parse(v6);
      for (const char* route : routes) pdr.framed_routes.push_back(*IpPrefix::parse(route));
    }
    ASSERT_TRUE(site.sessions->install(spec));
    site.answer(kN3, "192.168.3.2", kGnbMac);
  }
  Outcome down(const char* to) {
    auto frame = eth(kOwnMac, kGatewayMac);
    if (std::string_view(to).contains(':')) {
      frame.ipv6("2001:db8::7", to);
    } else {
      frame.ipv4(kFarHost, to);
    }
    return site.run(kN6, frame.udp(1, 2).frame());
  }
  Outcome up(const char* from) {
    const bool is_v6 = std::string_view(from).contains(':');
    const Bytes inner =
        (is_v6 ? ipv6(from, "2001:db8::7") : ipv4(from, kFarHost)).udp(1, 2).frame();
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(spec.pdrs.at(PdrId(1)).f_teid->teid.value(), 9)
                             .payload(inner)
                             .frame());
  }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

TEST_F(FramedRoutes, lead_to_and_from_the_networks_behind_a_ue) {
  install("fd45:0:0:2::/64", {"172.16.8.0/22", "172.20.0.1/32", "fd80:8::/48"});
  for (const char* inside : {"10.45.0.2", "172.16.8.1", "172.16.11.255", "172.20.0.1", "fd80:8::1",
                             "fd80:8:0:ffff::1", "fd45:0:0:2::9"}) {
    EXPECT_EQ(down(inside).verdict, Verdict::kSend) << inside;
    EXPECT_EQ(up(inside).verdict, Verdict::kSend) << inside;
  }
  for (const char* outside : {"172.16.12.1", "172.16.7.255", "172.20.0.2", "fd80:9::1"}) {
    EXPECT_EQ(down(outside).drop, DropReason::kUnknownUe) << outside;
    EXPECT_EQ(up(outside).drop, DropReason::kNoPdr) << outside;
  }
  site.sessions->remove(spec.seid);
  EXPECT_EQ(down("172.16.8.1").drop, DropReason::kUnknownUe);
}

TEST_F(FramedRoutes, are_for_the_pdrs_that_name_them) {
  Pdr other = spec.pdrs.at(PdrId(2));
  other.id = PdrId(5);
  other.precedence = 1;
  other.far = FarId(5);
  spec.fars[FarId(5)] = {.id = FarId(5)};  // drops
  install("fd45:0:0:2::/64", {"172.16.8.0/22"});
  spec.pdrs[PdrId(5)] = other;
  ASSERT_TRUE(site.sessions->install(spec));
  EXPECT_EQ(down("10.45.0.2").drop, DropReason::kFarDrop);
  EXPECT_EQ(down("172.16.8.1").verdict, Verdict::kSend);
}

TEST_F(FramedRoutes, the_longest_prefix_decides_between_sessions) {
  install("fd45:0:0:2::/64", {"172.16.0.0/16"});
  auto other = site.ue_session(3);
  for (auto& [id, pdr] : other.pdrs) pdr.framed_routes = {*IpPrefix::parse("172.16.8.0/24")};
  ASSERT_TRUE(site.sessions->install(other));
  const auto teid_of = [](const Outcome& out) { return out.frame.at(14 + 28 + 7); };
  EXPECT_EQ(teid_of(down("172.16.8.1")), 3);
  EXPECT_EQ(teid_of(down("172.16.9.1")), 2);
  for (auto& [id, pdr] : other.pdrs) pdr.framed_routes = {*IpPrefix::parse("172.16.0.0/16")};
  const auto taken = site.sessions->install(other);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  EXPECT_EQ(teid_of(down("172.16.8.1")), 3) << "nothing changed";
}

TEST_F(FramedRoutes, a_prefix_that_is_no_64_is_the_ues_as_a_64_is) {
  install("fd45:0:0:200::/56", {});
  for (const char* inside : {"fd45:0:0:200::1", "fd45:0:0:2ff::1", "10.45.0.2"}) {
    EXPECT_EQ(down(inside).verdict, Verdict::kSend) << inside;
    EXPECT_EQ(up(inside).verdict, Verdict::kSend) << inside;
  }
  EXPECT_EQ(down("fd45:0:0:300::1").drop, DropReason::kUnknownUe);
  EXPECT_EQ(up("fd45:0:0:300::1").drop, DropReason::kNoPdr);
}

TEST(PathFailure, is_told_once_and_so_is_its_end) {
  TestSite site;
  site.add_ue(2);
  EXPECT_TRUE(site.neighbours->take_paths().empty()) << "that it answers at first is no news";
  site.pass(std::chrono::seconds(20));
  const auto failed = site.neighbours->take_paths();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].peer, *IpAddress::parse("192.168.3.2"));
  EXPECT_FALSE(failed[0].works);
  EXPECT_TRUE(site.neighbours->has_failed(kN3, failed[0].peer));
  site.answer(kN3, "192.168.3.2", kGnbMac);
  const auto back = site.neighbours->take_paths();
  ASSERT_EQ(back.size(), 1U);
  EXPECT_TRUE(back[0].works);
  EXPECT_FALSE(site.neighbours->has_failed(kN3, back[0].peer));
}

}  // namespace
}  // namespace sluice::upf
