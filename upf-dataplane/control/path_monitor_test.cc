#include "upf-dataplane/control/path_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/control/tunnels.h"
#include "upf-dataplane/packet/gtpu_elements.h"

namespace sluice::upf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const IpAddress kPeer = *IpAddress::parse("192.168.3.2");
const IpAddress kOther = *IpAddress::parse("fd03::2");

class PathMonitorTest : public ::testing::Test {
 protected:
  // Sequence numbers of what was sent since the last call.
  std::vector<int> sent() {
    std::vector<int> out;
    for (const auto& message : std::exchange(messages, {}))
      out.push_back(message[8] << 8 | message[9]);
    return out;
  }

  ManualClock clock;
  std::vector<Frame> messages;
  PathMonitor paths{{.interval = seconds(60), .t3 = milliseconds(500), .n3 = 3},
                    clock,
                    [this](PortIndex, const IpAddress&, const Frame& m) { messages.push_back(m); }};
};

TEST_F(PathMonitorTest, a_peer_that_answers_is_asked_at_the_interval) {
  paths.add(0, kPeer);
  paths.add(0, kPeer);  // a second tunnel
  EXPECT_THAT(paths.tick(), IsEmpty());
  EXPECT_THAT(sent(), ElementsAre(1));
  paths.answered(0, kPeer, 1);
  clock.advance(seconds(59));
  paths.tick();
  EXPECT_THAT(sent(), IsEmpty());
  clock.advance(seconds(1));
  paths.tick();
  EXPECT_THAT(sent(), ElementsAre(2));
  paths.remove(0, kPeer);
  EXPECT_EQ(paths.peers(), 1U);
  paths.remove(0, kPeer);
  EXPECT_EQ(paths.peers(), 0U);
}

TEST_F(PathMonitorTest, silence_is_a_failure_and_an_answer_the_recovery) {
  paths.add(0, kPeer);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(paths.tick(), IsEmpty());
    clock.advance(milliseconds(500));
  }
  EXPECT_THAT(sent(), ElementsAre(1, 1, 1)) << "T3 repeats the same request";
  EXPECT_THAT(paths.tick(), ElementsAre(PathMonitor::Change{0, kPeer, true}));
  EXPECT_EQ(paths.failed(), 1U);
  EXPECT_TRUE(paths.has_failed(kPeer));
  EXPECT_FALSE(paths.has_failed(kOther));
  EXPECT_THAT(sent(), ElementsAre(2)) << "and it is asked on";
  clock.advance(milliseconds(500));
  EXPECT_THAT(paths.tick(), IsEmpty());
  paths.answered(0, kPeer, 1);  // late, and not for the last request
  EXPECT_THAT(paths.tick(), IsEmpty());
  paths.answered(1, kPeer, 2);  // of another network
  EXPECT_THAT(paths.tick(), IsEmpty());
  paths.answered(0, kPeer, 2);
  EXPECT_THAT(paths.tick(), ElementsAre(PathMonitor::Change{0, kPeer, false}));
  EXPECT_EQ(paths.failed(), 0U);
  EXPECT_FALSE(paths.has_failed(kPeer));
}

TEST_F(PathMonitorTest, an_interval_of_zero_asks_nobody) {
  PathMonitor off({.interval = seconds(0)}, clock,
                  [this](PortIndex, const IpAddress&, const Frame& m) { messages.push_back(m); });
  off.add(0, kPeer);
  off.tick();
  EXPECT_THAT(messages, IsEmpty());
  off.remove(0, kPeer);
}

TEST_F(PathMonitorTest, tunnels_name_the_sessions_that_use_them) {
  Tunnels tunnels(paths);
  const OuterHeader one{Teid(1), kPeer};
  const OuterHeader two{Teid(1), kOther};
  tunnels.tunnel_added(Seid(7), 0, one);
  tunnels.tunnel_added(Seid(7), 0, one);
  tunnels.tunnel_added(Seid(8), 0, two);
  EXPECT_THAT(tunnels.users(one), ElementsAre(Seid(7)));
  EXPECT_THAT(tunnels.users({Teid(2), kPeer}), IsEmpty());
  EXPECT_EQ(paths.peers(), 2U);
  tunnels.tunnel_removed(Seid(7), 0, one);
  EXPECT_THAT(tunnels.users(one), ElementsAre(Seid(7)));
  tunnels.tunnel_removed(Seid(7), 0, one);
  EXPECT_THAT(tunnels.users(one), IsEmpty());
  EXPECT_EQ(paths.peers(), 1U);
  tunnels.tunnel_removed(Seid(8), 0, two);
  EXPECT_EQ(tunnels.size(), 0U);
}

TEST(Tunnels, one_that_many_sessions_share_is_found_by_each) {
  ManualClock clock;
  PathMonitor paths({}, clock, [](PortIndex, const IpAddress&, const Frame&) {});
  Tunnels tunnels(paths);
  const OuterHeader shared{Teid(0x500), kPeer};
  constexpr uint64_t kSessions = 50'000;  // one after the other, each would take seconds to leave
  for (uint64_t i = 1; i <= kSessions; ++i) tunnels.tunnel_added(Seid(i), 0, shared);
  tunnels.tunnel_added(Seid(1), 0, shared);
  for (uint64_t i = kSessions; i > 1; --i) tunnels.tunnel_removed(Seid(i), 0, shared);
  EXPECT_THAT(tunnels.users(shared), ElementsAre(Seid(1)));
  EXPECT_EQ(tunnels.size(), 2U);
}

TEST(GtpuElements, an_error_indication_names_a_tunnel) {
  const std::vector<uint8_t> v4 = {0x36, 26, 0,  20, 0, 0, 0, 0,   0, 0, 0,   0x40, 1, 0x08,
                                   0x68, 0,  16, 0,  0, 5, 0, 133, 0, 4, 192, 168,  3, 2};
  EXPECT_EQ(read_error_indication(v4), (UnknownTunnel{0x500, kPeer}));
  // Recovery and private elements around it are no hindrance; missing or cut ones are.
  const std::vector<uint8_t> more = {0x32, 26, 0, 23, 0, 0, 0, 0, 0,   0, 0, 0,  14, 0, 255, 0,
                                     2,    9,  9, 16, 0, 0, 0, 1, 133, 0, 4, 10, 0,  0, 1};
  EXPECT_EQ(read_error_indication(more), (UnknownTunnel{1, *IpAddress::parse("10.0.0.1")}));
  for (size_t length = 0; length < v4.size(); ++length) {
    EXPECT_EQ(read_error_indication(
                  std::vector<uint8_t>(v4.begin(), v4.begin() + static_cast<long>(length))),
              std::nullopt);
  }
  auto no_address = v4;
  no_address[3] = 13;
  EXPECT_EQ(read_error_indication(no_address), std::nullopt);
}

}  // namespace
}  // namespace sluice::upf
