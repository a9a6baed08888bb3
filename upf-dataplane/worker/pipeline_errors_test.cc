// What the pipeline tells the senders of packets that cannot go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ip.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kUe = "10.45.0.2";
constexpr auto kUe6 = "fd45:0:0:2::1";
constexpr auto kHost = "198.51.100.7";
constexpr auto kHost6 = "2001:db8::7";
constexpr uint16_t kDontFragment = 0x4000;
constexpr size_t kTunnel = 14 + 20 + 8 + 16;   // in front of a packet to a UE
constexpr size_t kTunnel6 = 14 + 40 + 8 + 16;  // over IPv6

class PipelineErrorsTest : public ::testing::Test {
 protected:
  PipelineErrorsTest() : teid(site.add_ue(2)) {}

  FrameBuilder uplink() const {
    return eth(kOwnMac, kGnbMac)
        .ipv4("192.168.3.2", "192.168.3.1")
        .udp(2152, 2152)
        .gtpu(teid.value(), 9);
  }
  static FrameBuilder downlink() { return eth(kOwnMac, kGatewayMac); }
  uint64_t answered(Answer kind) const {
    return site.counters.count(
        [&](const auto& w) -> const Counter& { return w.answered[static_cast<size_t>(kind)]; });
  }

  TestSite site;
  Teid teid;
};

// An ICMP error as it is expected: `inner` is the quoted packet's beginning.
struct Expected {
  const char* what;
  PortIndex in_port;
  Bytes frame;
  size_t ip_offset;  // of the error in what is sent
  const char* from;
  const char* to;
  uint8_t type;
  uint8_t code;
  uint32_t rest;
};

void expect_error(const Expected& c, const Outcome& outcome, const Bytes& offending) {
  ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.out_port, c.in_port);
  ASSERT_GT(outcome.frame.size(), c.ip_offset + 48);
  const uint8_t* ip = outcome.frame.data() + c.ip_offset;
  const size_t bytes = outcome.frame.size() - c.ip_offset;
  const bool is_v6 = ip[0] >> 4 == 6;
  const size_t header = is_v6 ? 40 : 20;
  const auto address = [&](size_t v4, size_t v6) {
    return is_v6 ? IpAddress(Ipv6Address::from_bytes(ip + v6))
                 : IpAddress(Ipv4Address::from_bytes(ip + v4));
  };
  EXPECT_EQ(address(12, 8).to_string(), c.from);
  EXPECT_EQ(address(16, 24).to_string(), c.to);
  const uint8_t* icmp = ip + header;
  EXPECT_EQ(icmp[0], c.type);
  EXPECT_EQ(icmp[1], c.code);
  const uint32_t rest =
      uint32_t{icmp[4]} << 24 | uint32_t{icmp[5]} << 16 | uint32_t{icmp[6]} << 8 | icmp[7];
  EXPECT_EQ(rest, c.rest);
  const uint64_t start =
      is_v6 ? pseudo_header_sum(ip + 8, ip + 24, 16, static_cast<uint32_t>(bytes - 40), 58) : 0;
  EXPECT_EQ(checksum_fold(checksum_add(start, icmp, bytes - header)), 0xffff);
  EXPECT_LE(bytes, is_v6 ? 1280U : 576U);
  // The quotation, but for the hop count and its checksum, which routers may have changed.
  ASSERT_GE(bytes, header + 8 + 20);
  EXPECT_TRUE(std::equal(icmp + 8, icmp + 8 + 7, offending.begin()));
  EXPECT_TRUE(std::equal(icmp + 8 + 12, ip + bytes, offending.begin() + 12));
}

TEST_F(PipelineErrorsTest, senders_are_told_of_packets_without_a_hop_and_of_too_big_ones) {
  const auto packet4 = [](FrameBuilder at, const char* from, const char* to, uint8_t ttl,
                          size_t bytes) {
    return at.ipv4(from, to).ttl(ttl).fragment(kDontFragment).udp(1, 2).payload(Bytes(bytes));
  };
  const auto packet6 = [](FrameBuilder at, const char* from, const char* to, uint8_t ttl,
                          size_t bytes) {
    return at.ipv6(from, to).ttl(ttl).udp(1, 2).payload(Bytes(bytes));
  };
  const Expected cases[] = {
      {"no hop upwards", kN3, packet4(uplink(), kUe, kHost, 1, 30).frame(), kTunnel, "192.168.6.1",
       kUe, 11, 0, 0},
      {"no hop upwards, IPv6", kN3, packet6(uplink(), kUe6, kHost6, 1, 30).frame(), kTunnel,
       "fd06::1", kUe6, 3, 0, 0},
      {"no hop downwards", kN6, packet4(downlink(), kHost, kUe, 1, 30).frame(), 14, "192.168.6.1",
       kHost, 11, 0, 0},
      {"no hop downwards, IPv6", kN6, packet6(downlink(), kHost6, kUe6, 1, 30).frame(), 14,
       "fd06::1", kHost6, 3, 0, 0},
      {"too big upwards", kN3, packet4(uplink(), kUe, kHost, 64, 1500).frame(), kTunnel,
       "192.168.6.1", kUe, 3, 4, 1500},
      {"too big upwards, IPv6", kN3, packet6(uplink(), kUe6, kHost6, 64, 1500).frame(), kTunnel,
       "fd06::1", kUe6, 2, 0, 1500},
      {"too big downwards", kN6, packet4(downlink(), kHost, kUe, 64, 1540).frame(), 14,
       "192.168.6.1", kHost, 3, 4, 1600 - 44},
      {"too big downwards, IPv6", kN6, packet6(downlink(), kHost6, kUe6, 64, 1540).frame(), 14,
       "fd06::1", kHost6, 2, 0, 1600 - 44},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const bool up = c.in_port == kN3;
    const Bytes offending(c.frame.begin() + static_cast<long>(up ? kTunnel : 14), c.frame.end());
    expect_error(c, site.run(c.in_port, c.frame), offending);
  }
  EXPECT_EQ(answered(Answer::kIcmpTimeExceeded), 4U);
  EXPECT_EQ(answered(Answer::kIcmpTooBig), 4U);
}

TEST_F(PipelineErrorsTest, no_error_is_sent_about_what_must_not_cause_one) {
  auto error = downlink().ipv4(kHost, kUe).ttl(1).icmp_echo(1, 1).payload(Bytes(20)).frame();
  error[14 + 20] = 3;  // destination unreachable
  auto error6 = downlink().ipv6(kHost6, kUe6).ttl(1).icmpv6_echo(1, 1).payload(Bytes(20)).frame();
  error6[14 + 40] = 1;
  const std::pair<const char*, Bytes> cases[] = {
      {"an ICMP error", error},
      {"an ICMPv6 error", error6},
      {"a later fragment",
       downlink().ipv4(kHost, kUe).ttl(1).fragment(10).udp(1, 2).payload(Bytes(20)).frame()},
      {"a sender that is a group", downlink().ipv4("224.0.0.1", kUe).ttl(1).udp(1, 2).frame()},
      {"no sender", downlink().ipv6("::", kUe6).ttl(1).udp(1, 2).frame()},
      {"a sender whose way is unknown",
       downlink().ipv4("192.168.6.77", kUe).ttl(1).udp(1, 2).frame()},
  };
  for (const auto& [what, frame] : cases) {
    SCOPED_TRACE(what);
    const auto outcome = site.run(kN6, frame);
    EXPECT_EQ(outcome.verdict, Verdict::kDrop);
    EXPECT_EQ(to_string(outcome.drop), "hop_limit");
  }
}

TEST_F(PipelineErrorsTest, what_n4_forbids_towards_the_ue_forbids_errors_too) {
  auto spec = site.ue_session(4);
  spec.qers[QerId(1)].downlink_open = false;
  ASSERT_TRUE(site.sessions->install(spec));
  const auto outcome = site.run(kN3, eth(kOwnMac, kGnbMac)
                                         .ipv4("192.168.3.2", "192.168.3.1")
                                         .udp(2152, 2152)
                                         .gtpu(spec.pdrs[PdrId(1)].f_teid->teid.value(), 9)
                                         .ipv4("10.45.0.4", kHost)
                                         .ttl(1)
                                         .udp(1, 2)
                                         .frame());
  EXPECT_EQ(to_string(outcome.drop), "gate_closed");
}

TEST_F(PipelineErrorsTest, errors_are_limited_in_number) {
  site.pass(std::chrono::milliseconds(50));
  const auto frame = downlink().ipv4(kHost, kUe).ttl(1).udp(1, 2).frame();
  const auto sent = [&] {
    int count = 0;
    for (int i = 0; i < 200; ++i) count += site.run(kN6, frame).verdict == Verdict::kSend ? 1 : 0;
    return count;
  };
  EXPECT_EQ(sent(), 100);
  EXPECT_EQ(sent(), 0);
  site.pass(std::chrono::milliseconds(50));
  EXPECT_EQ(sent(), 50);
}

// The answer's GTP-U message, after the addresses and ports have been compared.
Bytes gtpu_answer(const Outcome& outcome, bool over_v6) {
  EXPECT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.out_port, kN3);
  const size_t header = over_v6 ? kTunnel6 - 16 : kTunnel - 16;
  if (outcome.frame.size() < header) return {};
  EXPECT_EQ(MacAddress::from_bytes(outcome.frame.data()).to_string(), kGnbMac);
  const uint8_t* ip = outcome.frame.data() + 14;
  if (over_v6) {
    EXPECT_EQ(Ipv6Address::from_bytes(ip + 8).to_string(), "fd03::1");
    EXPECT_EQ(Ipv6Address::from_bytes(ip + 24).to_string(), "fd03::2");
    const size_t udp = outcome.frame.size() - 54;
    EXPECT_EQ(
        checksum_fold(checksum_add(
            pseudo_header_sum(ip + 8, ip + 24, 16, static_cast<uint32_t>(udp), 17), ip + 40, udp)),
        0xffff);
  } else {
    EXPECT_EQ(Ipv4Address::from_bytes(ip + 12).to_string(), "192.168.3.1");
    EXPECT_EQ(Ipv4Address::from_bytes(ip + 16).to_string(), "192.168.3.2");
    EXPECT_EQ(checksum_fold(checksum_add(0, ip, 20)), 0xffff);
  }
  const uint8_t* udp = outcome.frame.data() + header - 8;
  EXPECT_EQ(udp[0] << 8 | udp[1], 2152);
  EXPECT_EQ(udp[2] << 8 | udp[3], 2152);
  return {outcome.frame.begin() + static_cast<long>(header), outcome.frame.end()};
}

TEST_F(PipelineErrorsTest, a_peer_is_told_that_a_tunnel_does_not_exist) {
  const auto inner = [](FrameBuilder outer) {
    return outer.udp(0xabcd, 2152).gtpu(0xdead, 9).ipv4(kUe, kHost).udp(1, 2).frame();
  };
  EXPECT_EQ(
      gtpu_answer(site.run(kN3, inner(eth(kOwnMac, kGnbMac).ipv4("192.168.3.2", "192.168.3.1"))),
                  false),
      (Bytes{0x36, 26, 0,  20, 0, 0,    0,    0,   0, 0, 0,   0x40, 1, 0xab,
             0xcd, 0,  16, 0,  0, 0xde, 0xad, 133, 0, 4, 192, 168,  3, 1}));
  const Bytes over_v6 =
      gtpu_answer(site.run(kN3, inner(eth(kOwnMac, kGnbMac).ipv6("fd03::2", "fd03::1"))), true);
  ASSERT_EQ(over_v6.size(), 40U);
  EXPECT_EQ(over_v6[23], 16);  // the address's length
  EXPECT_EQ(answered(Answer::kTunnelUnknown), 2U);
}

TEST_F(PipelineErrorsTest, a_peer_is_told_which_extension_headers_are_known) {
  auto frame = uplink().ipv4(kUe, kHost).udp(1, 2).frame();
  frame[14 + 28 + 11] = 0xc0;  // a PDCP PDU number in place of the PDU Session Container
  EXPECT_EQ(gtpu_answer(site.run(kN3, frame), false),
            (Bytes{0x32, 31, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 141, 1, 0x85}));
  EXPECT_EQ(answered(Answer::kExtensionUnknown), 1U);
}

TEST_F(PipelineErrorsTest, extension_headers_are_taken_in_any_order) {
  // UDP Port, Service Class Indicator (which may be ignored), then the PDU Session Container.
  const Bytes header = {0x34, 255, 0, 0,    0, 0, 0, 0,    0, 0,    0, 0x40,
                        1,    0,   1, 0x20, 1, 7, 0, 0x85, 1, 0x10, 9, 0};
  const Bytes inner = ipv4(kUe, kHost).udp(1, 2).payload("x").frame();
  Bytes message = header;
  message.insert(message.end(), inner.begin(), inner.end());
  message[3] = static_cast<uint8_t>(message.size() - 8);
  for (size_t i = 0; i < 4; ++i) {
    message[4 + i] = static_cast<uint8_t>(teid.value() >> (24 - 8 * i));
  }
  const auto outcome = site.run(kN3, eth(kOwnMac, kGnbMac)
                                         .ipv4("192.168.3.2", "192.168.3.1")
                                         .udp(2152, 2152)
                                         .payload(message)
                                         .frame());
  EXPECT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.out_port, kN6);
}

}  // namespace
}  // namespace sluice::upf
