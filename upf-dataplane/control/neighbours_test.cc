#include "upf-dataplane/control/neighbours.h"

#include <gtest/gtest.h>

#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr auto kStranger = "02:00:00:00:00:66";

MacAddress gateway_mac(const TestSite& site) {
  uint8_t mac[6];
  const Port& n6 = site.neighbours->ports()[kN6];
  site.shared.next_hops.get(n6.gateway_v4).write_mac(mac);
  return MacAddress::from_bytes(mac);
}

TEST(Neighbours, believes_answers_only_to_its_own_questions) {
  TestSite site;
  site.answer(kN6, "192.168.6.2", kStranger);  // the gateway has answered and was not asked again
  EXPECT_EQ(gateway_mac(site).to_string(), kGatewayMac);
  for (const auto* mac : {"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00", kOwnMac}) {
    TestSite fresh;
    fresh.pass(std::chrono::seconds(8));  // lost by now, so that any answer would do
    fresh.answer(kN6, "192.168.6.2", mac);
    EXPECT_FALSE(fresh.neighbours->is_reachable(fresh.neighbours->ports()[kN6].gateway_v4)) << mac;
  }
}

TEST(Neighbours, follows_a_neighbour_that_moved_after_a_missed_probe) {
  TestSite site;
  site.alive[{kN6, "192.168.6.2"}] = kStranger;
  site.pass(milliseconds(1000));  // the first question goes to the old place only
  EXPECT_EQ(gateway_mac(site).to_string(), kGatewayMac);
  site.pass(milliseconds(1500));
  EXPECT_EQ(gateway_mac(site).to_string(), kStranger);
}

TEST(Neighbours, keeps_room_for_those_that_matter_while_users_scan) {
  TestSite site(64);
  for (int i = 10; i < 250; ++i) {
    const auto frame = make_probe(*IpAddress::parse(fmt::format("192.168.6.{}", i)),
                                  *IpAddress::parse("192.168.6.1"), MacAddress(), MacAddress());
    // Any frame with an IP destination will do; this one is an ARP request and has none.
    site.neighbours->resolve_and_send(kN6, frame);
  }
  EXPECT_EQ(site.neighbours->size(), 2U);
  std::vector<uint8_t> packet(34);
  packet[12] = 0x08;
  packet[14] = 0x45;
  for (uint8_t i = 10; i < 250; ++i) {
    packet[14 + 16] = 192;
    packet[14 + 17] = 168;
    packet[14 + 18] = 6;
    packet[14 + 19] = i;
    site.neighbours->resolve_and_send(kN6, packet);
  }
  EXPECT_LE(site.neighbours->size(), 2U + 64 / 4);
  EXPECT_TRUE(site.neighbours->next_hop(kLdn, *IpAddress::parse("10.60.0.10")));
  // Those who never answer are forgotten, in one table and not in one each.
  site.pass(milliseconds(1500));
  EXPECT_LE(site.neighbours->size(), 3U);
  EXPECT_LT(site.reclaimer.pending(), 60U);
}

TEST(Neighbours, does_not_count_a_probe_that_was_never_sent) {
  class Deaf final : public FrameSender {
   public:
    bool send(PortIndex, const Frame&) override { return false; }
  } deaf;
  TestSite site;
  Neighbours neighbours({site.neighbours->ports()[kN6]}, {{}}, site.shared, site.reclaimer,
                        site.clock, deaf, {});
  const auto id = neighbours.next_hop(0, *IpAddress::parse("192.168.6.9"));
  ASSERT_TRUE(id);
  neighbours.hold(*id);
  for (int i = 0; i < 100; ++i) {
    site.clock.advance(Neighbours::kTick);
    neighbours.tick();
  }
  // Held and unasked: neither answered nor given up.
  EXPECT_FALSE(neighbours.is_reachable(*id));
  EXPECT_EQ(neighbours.size(), 1U);
  neighbours.release(*id);
}

}  // namespace
}  // namespace sluice::upf
