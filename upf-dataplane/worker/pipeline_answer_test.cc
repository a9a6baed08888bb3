// What the UPF answers of its own: ARP, neighbour discovery, ICMP and GTP-U echo.
#include <gtest/gtest.h>

#include "upf-dataplane/control/frames.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

void expect_reply(const Outcome& outcome, const Bytes& expected) {
  ASSERT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
  EXPECT_EQ(outcome.frame, expected) << "got" << hex(outcome.frame) << "\nwant" << hex(expected);
}

TEST(PipelineAnswer, arp_requests_for_own_addresses_only) {
  TestSite site;
  const auto asker = *MacAddress::parse(kAppMac);
  const auto ask = [&](const char* address) {
    return make_probe(*IpAddress::parse(address), *IpAddress::parse("10.60.0.10"), asker, {});
  };
  const auto reply = site.run(kLdn, ask("10.60.0.1"));
  ASSERT_EQ(reply.verdict, Verdict::kSend);
  EXPECT_EQ(reply.out_port, kLdn);
  const auto learnt = parse_advertisement(reply.frame);
  ASSERT_TRUE(learnt);
  EXPECT_EQ(learnt->address.to_string(), "10.60.0.1");
  EXPECT_EQ(learnt->mac.to_string(), kOwnMac);
  EXPECT_EQ(MacAddress::from_bytes(reply.frame.data()), asker);
  EXPECT_EQ(site.run(kLdn, ask("10.60.0.9")).verdict, Verdict::kDrop);
}

TEST(PipelineAnswer, neighbour_solicitations_for_own_addresses_only) {
  TestSite site;
  const auto asker = *MacAddress::parse(kAppMac);
  const auto ask = [&](const char* address) {
    return make_probe(*IpAddress::parse(address), *IpAddress::parse("fd60::10"), asker, {});
  };
  const auto reply = site.run(kLdn, ask("fd60::1"));
  ASSERT_EQ(reply.verdict, Verdict::kSend) << to_string(reply.drop);
  const auto learnt = parse_advertisement(reply.frame);  // which checks the checksum
  ASSERT_TRUE(learnt) << hex(reply.frame);
  EXPECT_EQ(learnt->address.to_string(), "fd60::1");
  EXPECT_EQ(learnt->mac.to_string(), kOwnMac);
  EXPECT_EQ(site.run(kLdn, ask("fd60::9")).verdict, Verdict::kDrop);

  auto routed = ask("fd60::1");
  routed[14 + 7] = 254;  // a hop limit below 255 came from elsewhere
  EXPECT_EQ(site.run(kLdn, routed).verdict, Verdict::kDrop);
}

TEST(PipelineAnswer, icmp_echo_to_every_own_port) {
  TestSite site;
  expect_reply(site.run(kN6, eth(kOwnMac, kGatewayMac)
                                 .ipv4("192.168.6.2", "192.168.6.1")
                                 .icmp_echo(7, 1)
                                 .payload("abc")
                                 .frame()),
               [] {
                 auto frame = eth(kGatewayMac, kOwnMac)
                                  .ipv4("192.168.6.1", "192.168.6.2")
                                  .icmp_echo(7, 1)
                                  .payload("abc")
                                  .frame();
                 frame[14 + 20] = 0;                                         // type
                 frame[14 + 22] = static_cast<uint8_t>(frame[14 + 22] + 8);  // checksum, RFC 1624
                 return frame;
               }());
  EXPECT_EQ(
      site.run(kN6,
               eth(kOwnMac, kGatewayMac).ipv4("192.168.6.2", "192.168.6.9").icmp_echo(7, 1).frame())
          .verdict,
      Verdict::kDrop);
  const auto v6 = site.run(
      kLdn,
      eth(kOwnMac, kAppMac).ipv6("fd60::10", "fd60::1").icmpv6_echo(7, 1).payload("abc").frame());
  ASSERT_EQ(v6.verdict, Verdict::kSend);
  EXPECT_EQ(v6.frame[14 + 40], 129);
  EXPECT_EQ(
      site.run(kN3,
               eth(kOwnMac, kGnbMac).ipv4("192.168.3.2", "192.168.3.1").icmp_echo(7, 1).frame())
          .verdict,
      Verdict::kSend);
}

TEST(PipelineAnswer, gtpu_echo_with_the_sequence_number_of_the_request) {
  TestSite site;
  const Bytes request = {0x32, 1, 0, 4, 0, 0, 0, 0, 0x12, 0x34, 0, 0};
  const Bytes response = {0x32, 2, 0, 6, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 14, 0};
  auto expected = eth(kGnbMac, kOwnMac)
                      .ipv4("192.168.3.1", "192.168.3.2")
                      .udp(2152, 2152)
                      .payload(response)
                      .frame();
  expected[14 + 26] = expected[14 + 27] = 0;  // no UDP checksum over IPv4
  expect_reply(site.run(kN3, eth(kOwnMac, kGnbMac)
                                 .ipv4("192.168.3.2", "192.168.3.1")
                                 .udp(2152, 2152)
                                 .payload(request)
                                 .frame()),
               expected);
  expect_reply(
      site.run(kN3, eth(kOwnMac, kGnbMac)
                        .ipv6("fd03::2", "fd03::1")
                        .udp(2152, 2152)
                        .payload(request)
                        .frame()),
      eth(kGnbMac, kOwnMac).ipv6("fd03::1", "fd03::2").udp(2152, 2152).payload(response).frame());
}

TEST(PipelineAnswer, hands_answers_of_tracked_neighbours_to_the_control_thread) {
  TestSite site;
  const auto reply_of = [](const char* address) {
    Bytes reply = make_probe(*IpAddress::parse("192.168.6.1"), *IpAddress::parse(address),
                             *MacAddress::parse(kGatewayMac), *MacAddress::parse(kOwnMac));
    reply[14 + 7] = 2;  // ARP reply
    return reply;
  };
  EXPECT_EQ(site.run(kN6, reply_of("192.168.6.2")).verdict, Verdict::kPuntLearn);
  // What nobody asked for stays out of the control thread's way.
  EXPECT_EQ(site.run(kN6, reply_of("192.168.6.77")).drop, DropReason::kNotForUs);
}

}  // namespace
}  // namespace sluice::upf
