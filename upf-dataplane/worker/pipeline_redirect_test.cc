// Packets that the SMF redirects: to another address, whose replies come back from the first one,
// or by an answer to HTTP.
#include <gtest/gtest.h>

#include <functional>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kUe4 = "10.45.0.2";
constexpr auto kUe6 = "fd45:0:0:2::5";
constexpr auto kSite4 = "198.51.100.7";
constexpr auto kSite6 = "2001:db8::7";
constexpr auto kPortal4 = "203.0.113.9";
constexpr auto kPortal6 = "2001:db8:99::9";
constexpr auto kUrl = "http://portal.example/top-up";
constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;

class RedirectTest : public ::testing::Test {
 protected:
  void install(const Redirect& redirect) {
    spec.fars.at(FarId(1)).redirect = redirect;
    const auto done = site.sessions->install(spec);
    ASSERT_TRUE(done) << done.error().to_string();
    site.answer(kN3, "192.168.3.2", kGnbMac);
  }
  void to_addresses() {
    install({.v4 = *Ipv4Address::parse(kPortal4), .v6 = *Ipv6Address::parse(kPortal6)});
  }
  Outcome up(const Bytes& inner) {
    return site.run(kN3, eth(kOwnMac, kGnbMac)
                             .ipv4("192.168.3.2", "192.168.3.1")
                             .udp(2152, 2152)
                             .gtpu(spec.pdrs.at(PdrId(1)).f_teid->teid.value(), 9)
                             .payload(inner)
                             .frame());
  }
  // The IP packet `inner` from the network.
  Outcome down(const Bytes& inner) {
    Bytes frame = eth(kOwnMac, kGatewayMac).frame();
    const bool is_v6 = inner.at(0) >> 4 == 6;
    frame[12] = is_v6 ? 0x86 : 0x08;
    frame[13] = is_v6 ? 0xdd : 0x00;
    frame.insert(frame.end(), inner.begin(), inner.end());
    return site.run(kN6, frame);
  }
  static Bytes behind(const Bytes& frame, size_t offset) {
    return {frame.begin() + static_cast<long>(std::min(offset, frame.size())), frame.end()};
  }
  static constexpr size_t kTunnel = 14 + 20 + 8 + 8 + 8;

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

struct Case {
  const char* what;
  std::function<FrameBuilder(const char* from, const char* to, bool reply)> make;
  bool is_v6 = false;
};

std::vector<Case> flows() {
  const auto ip = [](const char* from, const char* to) {
    return std::string_view(from).contains(':') ? ipv6(from, to) : ipv4(from, to);
  };
  return {
      {"UDP",
       [=](auto from, auto to, bool reply) {
         return std::move(ip(from, to).udp(reply ? 80 : 4000, reply ? 4000 : 80).payload("odd"));
       }},
      {"TCP",
       [=](auto from, auto to, bool reply) {
         return std::move(ip(from, to).tcp(reply ? 443 : 4000, reply ? 4000 : 443, kSyn, 7, 8));
       }},
      {"echo", [=](auto from, auto to, bool) { return std::move(ip(from, to).icmp_echo(1, 2)); }},
      {"UDP over IPv6",
       [=](auto from, auto to, bool reply) {
         return std::move(ip(from, to).udp(reply ? 80 : 4000, reply ? 4000 : 80).payload("abc"));
       },
       true},
      {"TCP over IPv6",
       [=](auto from, auto to, bool reply) {
         return std::move(ip(from, to).tcp(reply ? 80 : 4000, reply ? 4000 : 80).payload("x"));
       },
       true},
      {"echo over IPv6",
       [=](auto from, auto to, bool) { return std::move(ip(from, to).icmpv6_echo(1, 2)); }, true},
  };
}

TEST_F(RedirectTest, leads_a_flow_elsewhere_and_its_replies_back_from_where_it_was_sent) {
  to_addresses();
  for (const auto& c : flows()) {
    const char* ue = c.is_v6 ? kUe6 : kUe4;
    const char* sent_to = c.is_v6 ? kSite6 : kSite4;
    const char* portal = c.is_v6 ? kPortal6 : kPortal4;
    const auto out = up(c.make(ue, sent_to, false).frame());
    ASSERT_EQ(out.verdict, Verdict::kSend) << c.what << " " << to_string(out.drop);
    EXPECT_EQ(out.out_port, kN6);
    EXPECT_EQ(behind(out.frame, 14), c.make(ue, portal, false).ttl(63).frame()) << c.what;

    const auto back = down(c.make(portal, ue, true).frame());
    ASSERT_EQ(back.verdict, Verdict::kSend) << c.what << " " << to_string(back.drop);
    EXPECT_EQ(behind(back.frame, kTunnel), c.make(sent_to, ue, true).ttl(63).frame()) << c.what;
  }
}

// An ICMP error that a packet is too big, which quotes it.
Bytes too_big(const char* from, const char* to, uint8_t ttl, const Bytes& quoted) {
  const bool is_v6 = std::string_view(from).contains(':');
  auto at = is_v6 ? ipv6(from, to) : ipv4(from, to);
  at.ttl(ttl);
  Bytes out = is_v6 ? at.icmpv6_echo(0, 1400).payload(quoted).frame()
                    : at.icmp_echo(0, 1400).payload(quoted).frame();
  const size_t icmp = is_v6 ? 40 : 20;
  out[icmp] = is_v6 ? 2 : 3;
  out[icmp + 1] = is_v6 ? 0 : 4;
  out[icmp + 2] = out[icmp + 3] = 0;
  const size_t bytes = out.size() - icmp;
  const uint64_t start =
      is_v6 ? pseudo_header_sum(&out[8], &out[24], 16, static_cast<uint32_t>(bytes), kProtoIcmpv6)
            : 0;
  const Be16 checksum = checksum_finish(checksum_add(start, &out[icmp], bytes));
  std::memcpy(&out[icmp + 2], &checksum, 2);
  return out;
}

TEST_F(RedirectTest, errors_of_others_about_what_it_led_away_quote_what_the_ue_sent) {
  to_addresses();
  for (const auto& c : flows()) {
    const char* ue = c.is_v6 ? kUe6 : kUe4;
    const char* sent_to = c.is_v6 ? kSite6 : kSite4;
    const char* portal = c.is_v6 ? kPortal6 : kPortal4;
    const char* router = c.is_v6 ? "2001:db8:1::1" : "192.0.2.1";
    const Bytes error = too_big(router, ue, 64, c.make(ue, portal, false).ttl(60).frame());
    EXPECT_EQ(behind(down(error).frame, kTunnel + (c.is_v6 ? 48 : 28)),
              behind(error, c.is_v6 ? 48 : 28))
        << c.what << ": nothing was redirected yet";
    up(c.make(ue, sent_to, false).frame());
    const auto out = down(error);
    ASSERT_EQ(out.verdict, Verdict::kSend) << c.what << " " << to_string(out.drop);
    EXPECT_EQ(behind(out.frame, kTunnel),
              too_big(router, ue, 63, c.make(ue, sent_to, false).ttl(60).frame()))
        << c.what;
  }
}

TEST_F(RedirectTest, senders_are_told_of_what_is_too_big_as_they_sent_it) {
  to_addresses();
  const Bytes data(1540);
  const auto up4 = up(ipv4(kUe4, kSite4).fragment(0x4000).udp(4000, 80).payload(data).frame());
  ASSERT_EQ(up4.out_port, kN3);
  const auto v4_at = [](const Bytes& frame, size_t at) {
    return Ipv4Address::from_bytes(&frame.at(at)).to_string();
  };
  EXPECT_EQ(up4.frame.at(kTunnel + 20), 3);
  EXPECT_EQ(v4_at(up4.frame, kTunnel + 28 + 16), kSite4);
  const auto up6 = up(ipv6(kUe6, kSite6).udp(4000, 80).payload(data).frame());
  ASSERT_EQ(up6.out_port, kN3);
  EXPECT_EQ(Ipv6Address::from_bytes(&up6.frame.at(kTunnel + 48 + 24)).to_string(), kSite6);

  const auto down4 =
      down(ipv4(kPortal4, kUe4).fragment(0x4000).udp(80, 4000).payload(data).frame());
  ASSERT_EQ(down4.out_port, kN6);
  EXPECT_EQ(down4.frame.at(14 + 20), 3);
  EXPECT_EQ(v4_at(down4.frame, 14 + 16), kPortal4) << "who sent it is told";
  EXPECT_EQ(v4_at(down4.frame, 14 + 28 + 12), kPortal4);
  const auto down6 = down(ipv6(kPortal6, kUe6).udp(80, 4000).payload(data).frame());
  ASSERT_EQ(down6.out_port, kN6);
  EXPECT_EQ(Ipv6Address::from_bytes(&down6.frame.at(14 + 24)).to_string(), kPortal6);
  EXPECT_EQ(Ipv6Address::from_bytes(&down6.frame.at(14 + 48 + 8)).to_string(), kPortal6);
}

TEST_F(RedirectTest, leaves_other_packets_from_there_as_they_are) {
  to_addresses();
  up(ipv4(kUe4, kSite4).udp(4000, 80).frame());
  const auto reply = [&](const char* from, uint16_t port) {
    const auto out = down(ipv4(from, kUe4).udp(80, port).frame());
    EXPECT_EQ(out.verdict, Verdict::kSend);
    return Ipv4Address::from_bytes(&out.frame.at(kTunnel + 12)).to_string();
  };
  EXPECT_EQ(reply(kPortal4, 4000), kSite4);
  EXPECT_EQ(reply(kPortal4, 4001), kPortal4) << "another flow";
  EXPECT_EQ(reply("203.0.113.8", 4000), "203.0.113.8") << "another host";
  // The UE uses the port for another site, and then for the portal itself.
  up(ipv4(kUe4, "198.51.100.8").udp(4000, 80).frame());
  EXPECT_EQ(reply(kPortal4, 4000), "198.51.100.8");
  up(ipv4(kUe4, kPortal4).udp(4000, 80).frame());
  EXPECT_EQ(reply(kPortal4, 4000), kPortal4);
}

TEST_F(RedirectTest, takes_all_fragments_of_a_packet_to_the_same_place) {
  to_addresses();
  const Bytes whole = ipv4(kUe4, kSite4).udp(4000, 80).payload(Bytes(24, 'f')).frame();
  const Bytes expected = ipv4(kUe4, kPortal4).udp(4000, 80).payload(Bytes(24, 'f')).frame();
  const Bytes data(expected.begin() + 20, expected.end());
  site.sent.clear();
  // The first eight bytes are UDP's header, whose checksum is that of the whole.
  const auto fragment = [&](size_t from, size_t to, uint16_t flags) {
    Bytes frame = ipv4(kUe4, kSite4)
                      .identification(9)
                      .fragment(flags)
                      .udp(4000, 80)
                      .payload(Bytes(to - from - 8))
                      .frame();
    std::copy(whole.begin() + 20 + static_cast<long>(from),
              whole.begin() + 20 + static_cast<long>(to), frame.begin() + 20);
    return frame;
  };
  up(fragment(0, 16, 0x2000));
  up(fragment(16, 32, 0x0002));
  ASSERT_EQ(site.sent.size(), 2U);
  Bytes got;
  for (const auto& [port, frame] : site.sent) {
    EXPECT_EQ(Ipv4Address::from_bytes(&frame.at(14 + 16)).to_string(), kPortal4);
    got.insert(got.end(), frame.begin() + 14 + 20, frame.end());
  }
  EXPECT_EQ(got, data);
}

TEST_F(RedirectTest, drops_what_has_no_address_to_go_to) {
  install({.v4 = *Ipv4Address::parse(kPortal4)});
  EXPECT_EQ(up(ipv6(kUe6, kSite6).udp(1, 2).frame()).drop, DropReason::kRedirected);
  EXPECT_EQ(up(ipv4(kUe4, "224.0.0.9").udp(1, 2).frame()).drop, DropReason::kNotForwardable);
  EXPECT_EQ(up(ipv4(kUe4, kSite4).ttl(1).udp(1, 2).frame()).frame.at(kTunnel + 20), 11)
      << "time exceeded";
}

TEST_F(RedirectTest, comes_before_mec_rules_and_names) {
  site.set_rules({R"({"trafficRuleId": "r", "filterType": "FLOW", "priority": 5,
      "trafficFilter": [{"dstAddress": ["198.51.100.0/24"]}], "state": "ACTIVE",
      "action": "FORWARD_DECAPSULATED",
      "dstInterface": {"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-0a"}})"},
                 {R"({"dnsRuleId": "d", "domainName": "a.example", "ipAddressType": "IP_V4",
      "ipAddress": "203.0.113.10", "state": "ACTIVE"})"});
  site.answer(kLdn, "10.60.0.10", kAppMac);
  to_addresses();
  EXPECT_EQ(up(ipv4(kUe4, kSite4).udp(4000, 80).frame()).out_port, kN6);
  const auto query =
      up(ipv4(kUe4, kSite4).udp(4000, 53).payload(dns_query(1, "a.example", 1)).frame());
  EXPECT_EQ(query.out_port, kN6);
}

TEST_F(RedirectTest, ends_with_the_far) {
  to_addresses();
  spec.fars.at(FarId(1)).redirect.reset();
  ASSERT_TRUE(site.sessions->install(spec));
  const auto out = up(ipv4(kUe4, kSite4).udp(4000, 80).frame());
  EXPECT_EQ(behind(out.frame, 14), ipv4(kUe4, kSite4).ttl(63).udp(4000, 80).frame());
}

TEST_F(RedirectTest, is_refused_for_what_comes_from_the_network) {
  spec.fars.at(FarId(2)).redirect = Redirect{.url = kUrl};
  const auto done = site.sessions->install(spec);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(done.error().field, "Redirect Information");
}

// --- URL ---

struct HttpCase {
  const char* what;
  uint16_t port;
  uint8_t flags;
  uint32_t sequence, acknowledgement;
  std::string payload;
  std::optional<uint8_t> answer_flags;  // nullopt: none
  uint32_t answer_sequence = 0, answer_acknowledgement = 0;
  std::string answer = {};
};

TEST_F(RedirectTest, answers_http_with_the_url) {
  install({.url = kUrl});
  const std::string response = std::string("HTTP/1.1 302 Found\r\nLocation: ") + kUrl +
                               "\r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
                               "Connection: close\r\n\r\n";
  const uint32_t isn = 1000 * 0x9e3779b1U;
  const std::vector<HttpCase> cases = {
      {"a request", 80, kAck | kPsh, 1001, isn + 1, "GET / HTTP/1.1\r\n\r\n", kAck | kPsh | kFin,
       isn + 1, 1001 + 18, response},
      {"a request with the end behind it", 80, kAck | kFin, 1001, isn + 1,
       "HEAD / HTTP/1.0\r\n\r\n", kAck | kPsh | kFin, isn + 1, 1001 + 20, response},
      {"more of a request", 80, kAck, 2000, 77, "Host: a\r\n", kAck, 77, 2009},
      {"its end", 80, kAck | kFin, 1019, isn + 2 + 150, "", kAck, isn + 2 + 150, 1020},
      {"an end without request", 80, kAck | kFin, 1001, isn + 1, "", kAck | kFin, isn + 1, 1002},
      {"an acknowledgement", 80, kAck, 1001, isn + 1, "", std::nullopt},
      {"a reset", 80, kRst, 1001, 0, "", std::nullopt},
      {"a connection for TLS", 443, kSyn, 1000, 0, "", kRst | kAck, 0, 1001},
      {"one that is open already", 443, kAck, 5, 6, "tls", kRst, 6, 0},
  };
  for (const bool is_v6 : {false, true}) {
    const char* ue = is_v6 ? kUe6 : kUe4;
    const char* server = is_v6 ? kSite6 : kSite4;
    for (const auto& c : cases) {
      auto in = is_v6 ? ipv6(ue, server) : ipv4(ue, server);
      const auto out = up(
          in.tcp(4000, c.port, c.flags, c.sequence, c.acknowledgement).payload(c.payload).frame());
      if (!c.answer_flags) {
        EXPECT_EQ(out.drop, DropReason::kRedirected) << c.what;
        continue;
      }
      ASSERT_EQ(out.verdict, Verdict::kSend) << c.what << " " << to_string(out.drop);
      EXPECT_EQ(out.out_port, kN3);
      auto expected = is_v6 ? ipv6(server, ue) : ipv4(server, ue);
      Bytes segment =
          expected.tcp(c.port, 4000, *c.answer_flags, c.answer_sequence, c.answer_acknowledgement)
              .payload(c.answer)
              .frame();
      const size_t window = (is_v6 ? 40 : 20) + 14;
      Bytes got = behind(out.frame, kTunnel);
      ASSERT_EQ(got.size(), segment.size()) << c.what;
      EXPECT_EQ(got[window], 0xff);
      // The window makes the one's complement sum no different: 0xffff is another zero.
      got[window] = got[window + 1] = 0;
      EXPECT_EQ(got, segment) << c.what << hex(got);
    }
  }
}

TEST_F(RedirectTest, shakes_hands_for_http) {
  install({.url = kUrl});
  const auto out = up(ipv4(kUe4, kSite4).tcp(4000, 80, kSyn, 1000).frame());
  ASSERT_EQ(out.verdict, Verdict::kSend) << to_string(out.drop);
  const Bytes got = behind(out.frame, kTunnel);
  ASSERT_EQ(got.size(), 20U + 24U);
  EXPECT_EQ(got[20 + 12], 0x60);
  EXPECT_EQ(got[20 + 13], kSyn | kAck);
  EXPECT_EQ(Bytes(got.begin() + 28, got.begin() + 32), (Bytes{0, 0, 3, 0xe9}));
  EXPECT_EQ(Bytes(got.begin() + 40, got.end()), (Bytes{2, 4, 5, 20}));
}

TEST_F(RedirectTest, lets_nothing_else_pass_where_a_url_is_given) {
  install({.url = kUrl});
  EXPECT_EQ(up(ipv4(kUe4, kSite4).udp(4000, 443).frame()).drop, DropReason::kRedirected);
  EXPECT_EQ(up(ipv4(kUe4, kSite4).icmp_echo(1, 2).frame()).drop, DropReason::kRedirected);
}

TEST_F(RedirectTest, answers_no_ue_whose_downlink_is_closed) {
  spec.qers.at(QerId(1)).downlink_open = false;
  install({.url = kUrl});
  EXPECT_EQ(up(ipv4(kUe4, kSite4).tcp(4000, 80, kSyn, 1000).frame()).drop, DropReason::kGateClosed);
}

// --- the table of flows ---

FlowKey flow(uint16_t port) {
  FlowKey key{};
  key.source[15] = 9;
  key.destination[15] = 2;
  key.source_port = 80;
  key.destination_port = port;
  key.protocol = 17;
  return key;
}

TEST(Redirections, forgets_what_was_silent_longest_and_no_other_sessions) {
  Redirections table(64 * 512);
  const uint8_t original[16] = {1};
  const uint64_t second = uint64_t{1} << 20;
  table.remember(flow(1), 1, original, second);
  ASSERT_TRUE(table.find(flow(1), 1));
  EXPECT_EQ((*table.find(flow(1), 1))[0], 1);
  EXPECT_FALSE(table.find(flow(1), 2)) << "another session's";
  EXPECT_FALSE(table.find(flow(2), 1));
  // Far more than there is room for.
  constexpr uint32_t other = 2;
  size_t found = 0;
  for (uint32_t i = 0; i < 40'000; ++i) {
    table.remember(flow(static_cast<uint16_t>(i)), other, original, (i + 2) * second);
  }
  for (uint32_t i = 0; i < 40'000; ++i) {
    if (table.find(flow(static_cast<uint16_t>(i)), other)) ++found;
  }
  EXPECT_LE(found, Redirections::kFlowsOfPart);
  EXPECT_GT(found, Redirections::kFlowsOfPart / 2);
  for (uint32_t i = 40'000 - 64; i < 40'000; ++i) {
    EXPECT_TRUE(table.find(flow(static_cast<uint16_t>(i)), other)) << "the newest are there";
  }
}

}  // namespace
}  // namespace sluice::upf
