// Packet in, packets out later: buffering for a user who is away.
#include <gtest/gtest.h>

#include <functional>

#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;

constexpr auto kFarHost = "198.51.100.7";
constexpr size_t kInner = 14 + 20 + 8 + 8 + 8;  // of the user's packet in a tunnelled frame

class PipelineBufferTest : public ::testing::Test {
 protected:
  PipelineBufferTest() {
    spec.fars.at(FarId(2)).forward = false;
    spec.fars.at(FarId(2)).buffer = true;
    install();
    site.sent.clear();
  }
  void install(SessionSpec& of) { ASSERT_TRUE(site.sessions->install(of)); }
  void install() { install(spec); }
  void forward() {
    spec.fars.at(FarId(2)).forward = true;
    spec.fars.at(FarId(2)).buffer = false;
    install();
  }
  // The user's packet number `n`, from the data network to UE 2 or another.
  Outcome down(uint8_t n, const char* ue = "10.45.0.2", size_t bytes = 100) {
    Bytes payload(bytes - 28);
    payload[0] = n;
    return site.run(
        kN6, eth(kOwnMac, kGatewayMac).ipv4(kFarHost, ue).udp(80, 4000).payload(payload).frame());
  }
  // The numbers of the users' packets that left by tunnels, in order.
  std::vector<int> left() {
    std::vector<int> numbers;
    for (const auto& [port, frame] : site.sent) {
      if (port == kN3 && frame.size() > kInner + 28) numbers.push_back(frame[kInner + 28]);
    }
    site.sent.clear();
    return numbers;
  }
  uint64_t dropped(DropReason reason) {
    return site.counters.count(
        [&](const auto& w) -> const Counter& { return w.dropped[static_cast<size_t>(reason)]; });
  }

  TestSite site;
  SessionSpec spec = site.ue_session(2);
};

TEST_F(PipelineBufferTest, holds_packets_and_lets_them_go_in_order) {
  site.answer(kN3, "192.168.3.2", kGnbMac);
  for (uint8_t n = 1; n <= 3; ++n) EXPECT_EQ(down(n).verdict, Verdict::kHold);
  EXPECT_EQ(site.held, (std::vector(3, std::pair(spec.seid, PdrId(2)))));
  EXPECT_TRUE(left().empty());
  EXPECT_EQ(site.buffer->packets(), 3U);
  site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(left(), (std::vector{1, 2, 3}));
  EXPECT_EQ(site.buffer->packets(), 0U);
  EXPECT_EQ(site.buffer->bytes(), 0U);
  EXPECT_EQ(site.buffer->slots(), 0U);
  EXPECT_EQ(down(4).verdict, Verdict::kSend);
}

TEST_F(PipelineBufferTest, a_released_packet_is_what_it_would_have_been) {
  Bytes direct;
  {
    TestSite other;
    other.add_ue(2);
    direct = other
                 .run(kN6, eth(kOwnMac, kGatewayMac)
                               .ipv4(kFarHost, "10.45.0.2")
                               .udp(80, 4000)
                               .payload("hello")
                               .frame())
                 .frame;
  }
  site.run(
      kN6,
      eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.2").udp(80, 4000).payload("hello").frame());
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  ASSERT_FALSE(site.sent.empty());
  EXPECT_EQ(site.sent.back().second, direct);
}

TEST_F(PipelineBufferTest, usage_is_counted_when_packets_leave) {
  spec.urrs[UrrId(4)] = {.id = UrrId(4), .measures_volume = true};
  spec.pdrs.at(PdrId(2)).urrs = {UrrId(4)};
  install();
  down(1);
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.downlink_packets, 0U);
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(site.sessions->usage(spec.seid, UrrId(4)).totals.downlink_packets, 1U);
  EXPECT_EQ(site.sessions->remove(spec.seid).downlink_packets, 1U);
}

TEST_F(PipelineBufferTest, waits_for_a_base_station_that_is_new) {
  down(1);
  forward();
  EXPECT_TRUE(left().empty()) << "nobody knows its MAC yet";
  EXPECT_EQ(site.buffer->packets(), 1U);
  site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
  site.pass(std::chrono::milliseconds(200));
  EXPECT_EQ(left(), std::vector{1});
}

TEST_F(PipelineBufferTest, gives_up_on_a_base_station_that_never_answers) {
  down(1);
  forward();
  site.pass(PacketBuffer::kPatience + Neighbours::kTick);
  EXPECT_TRUE(left().empty());
  EXPECT_EQ(site.buffer->packets(), 0U);
  EXPECT_EQ(dropped(DropReason::kNoNextHop), 1U);
}

TEST_F(PipelineBufferTest, a_full_session_keeps_the_newest) {
  for (uint8_t n = 1; n <= 10; ++n) down(n);
  EXPECT_EQ(site.buffer->packets(), TestSite::buffer_limits.packets_per_session);
  EXPECT_EQ(dropped(DropReason::kBufferFull), 2U);
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(left(), (std::vector{3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(PipelineBufferTest, a_bar_may_want_fewer) {
  spec.bars[BarId(1)] = {.id = BarId(1)};
  spec.bars[BarId(1)].suggested_packets = 2;
  install();
  for (uint8_t n = 1; n <= 5; ++n) down(n);
  EXPECT_EQ(site.buffer->packets(), 2U);
}

TEST_F(PipelineBufferTest, a_bar_wants_fewer_after_a_drop_too) {
  spec.bars[BarId(1)] = {.id = BarId(1)};
  spec.bars[BarId(1)].suggested_packets = 2;
  install();
  down(1);
  site.sessions->drop_buffered(spec.seid);
  for (uint8_t n = 1; n <= 5; ++n) down(n);
  EXPECT_EQ(site.buffer->packets(), 2U);
  site.sessions->remove(spec.seid);
  EXPECT_EQ(site.buffer->slots(), 0U);
}

TEST_F(PipelineBufferTest, what_forwards_does_not_wait_for_what_buffers) {
  // A second flow of the session goes on buffering.
  spec.fars[FarId(3)] = spec.fars.at(FarId(2));
  spec.fars.at(FarId(3)).id = FarId(3);
  Pdr other = spec.pdrs.at(PdrId(2));
  other.id = PdrId(3);
  other.precedence = 1;
  other.far = FarId(3);
  other.sdf = {{.protocol = 6}};
  spec.pdrs[PdrId(3)] = other;
  install();
  site.run(kN6, eth(kOwnMac, kGatewayMac).ipv4(kFarHost, "10.45.0.2").tcp(80, 4000).frame());
  EXPECT_EQ(site.buffer->packets(), 1U);
  site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(site.buffer->packets(), 1U);
  // A worker handed it over before it saw the change.
  const auto late = eth(kOwnMac, kGatewayMac)
                        .ipv4(kFarHost, "10.45.0.2")
                        .udp(80, 4000)
                        .payload(Bytes{7, 7})
                        .frame();
  uint32_t slot = 0;
  while (site.sessions->holder(slot) != spec.seid) ++slot;
  site.sessions->hold(slot, PdrId(2), kN6, late);
  EXPECT_EQ(left(), std::vector{7});
  EXPECT_EQ(site.buffer->packets(), 1U);
}

TEST_F(PipelineBufferTest, packets_leave_before_workers_see_another_tunnel_of_the_session) {
  for (uint8_t n = 1; n <= 2; ++n) down(n);
  site.alive[{kN3, "192.168.3.2"}] = kGnbMac;
  site.answer(kN3, "192.168.3.2", kGnbMac);
  const Teid fresh = site.sessions->allocate_teid().value();
  spec.pdrs.at(PdrId(1)).f_teid->teid = fresh;
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(left(), (std::vector{1, 2}));
  EXPECT_NE(site.shared.sessions.find_teid(fresh.value()), nullptr);
}

TEST_F(PipelineBufferTest, all_together_keep_to_their_limit) {
  auto other = site.ue_session(3);
  other.fars.at(FarId(2)).forward = false;
  other.fars.at(FarId(2)).buffer = true;
  install(other);
  for (uint8_t n = 1; n <= 8; ++n) down(n);
  for (uint8_t n = 1; n <= 8; ++n) down(n, "10.45.0.3");
  EXPECT_EQ(site.buffer->packets(), TestSite::buffer_limits.packets);
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sessions->retry_releases();
  EXPECT_EQ(left(), (std::vector{5, 6, 7, 8})) << "the oldest of all went first";
}

TEST_F(PipelineBufferTest, bytes_are_limited_too) {
  for (uint8_t n = 1; n <= 8; ++n) down(n, "10.45.0.2", 10'000);
  EXPECT_LE(site.buffer->bytes(), TestSite::buffer_limits.bytes_per_session);
  EXPECT_EQ(site.buffer->packets(), 4U);
}

TEST_F(PipelineBufferTest, what_is_dropped_or_loses_its_session_is_counted) {
  down(1);
  site.sessions->drop_buffered(spec.seid);
  EXPECT_EQ(dropped(DropReason::kBufferDropped), 1U);
  down(2);
  site.sessions->remove(spec.seid);
  EXPECT_EQ(dropped(DropReason::kBufferDropped), 2U);
  EXPECT_EQ(site.buffer->packets(), 0U);
}

TEST_F(PipelineBufferTest, a_far_that_turns_to_drop_drops_what_waited) {
  down(1);
  spec.fars.at(FarId(2)).buffer = false;
  install();
  EXPECT_EQ(dropped(DropReason::kFarDrop), 1U);
  EXPECT_EQ(site.buffer->packets(), 0U);
}

TEST_F(PipelineBufferTest, an_end_marker_follows_the_last_packet) {
  forward();
  site.answer(kN3, "192.168.3.2", kGnbMac);
  site.sent.clear();
  site.sessions->send_end_marker(spec.fars.at(FarId(2)));
  EXPECT_TRUE(site.sent.empty()) << "workers may still be sending";
  site.grace_period();
  ASSERT_EQ(site.sent.size(), 1U);
  EXPECT_EQ(site.sent[0].first, kN3);
  auto expected = eth(kGnbMac, kOwnMac)
                      .ipv4("192.168.3.1", "192.168.3.2")
                      .fragment(0x4000)
                      .udp(2152, 2152)
                      .gtpu(0x1002)
                      .frame();
  expected[14 + 20 + 6] = 0;  // no outer checksum
  expected[14 + 20 + 7] = 0;
  expected[14 + 20 + 8 + 1] = kGtpuEndMarker;
  EXPECT_EQ(site.sent[0].second, expected) << hex(site.sent[0].second);
}

}  // namespace
}  // namespace sluice::upf
