// Fragments, inside tunnels and of tunnels, and packets that are cut to fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "upf-dataplane/packet/fragment.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using Bytes = std::vector<uint8_t>;
using std::chrono::milliseconds;

constexpr auto kUe = "10.45.0.2";
constexpr auto kHost = "198.51.100.7";
constexpr uint16_t kMore = 0x2000;

constexpr auto kWebToApp =
    R"({"trafficRuleId": "web", "filterType": "FLOW", "priority": 9, "state": "ACTIVE",
        "trafficFilter": [{"dstPort": ["80"]}], "action": "FORWARD_DECAPSULATED",
        "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}})";

Bytes numbers(size_t count) {
  Bytes out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return out;
}

Bytes part(const Bytes& bytes, size_t from, size_t to) {
  return {bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(to)};
}

class PipelineFragmentsTest : public ::testing::Test {
 protected:
  PipelineFragmentsTest() : teid(site.add_ue(2)) { site.alive[{kLdn, "10.60.0.10"}] = kAppMac; }

  FrameBuilder uplink() const {
    return eth(kOwnMac, kGnbMac)
        .ipv4("192.168.3.2", "192.168.3.1")
        .udp(2152, 2152)
        .gtpu(teid.value(), 9);
  }
  // A user's UDP packet to port 80 with this payload, and its fragments with at most `bytes` each,
  // in the tunnel.
  std::vector<Bytes> user_fragments(size_t payload, size_t bytes, uint16_t id = 77) const {
    const Bytes whole = ipv4(kUe, kHost).udp(4000, 80).payload(numbers(payload)).frame();
    const Bytes data = part(whole, 20, whole.size());
    std::vector<Bytes> out;
    for (size_t at = 0; at < data.size(); at += bytes) {
      const size_t end = std::min(at + bytes, data.size());
      out.push_back(uplink()
                        .ipv4(kUe, kHost)
                        .identification(id)
                        .fragment(static_cast<uint16_t>((end < data.size() ? kMore : 0) | at / 8))
                        .payload(part(data, at, end))
                        .frame());
      out.back()[14 + 20 + 8 + 16 + 9] = 17;  // UDP, which no layer of the builder says
      fix_ip_checksum(out.back(), 14 + 20 + 8 + 16);
    }
    return out;
  }
  static void fix_ip_checksum(Bytes& frame, size_t at) {
    frame[at + 10] = frame[at + 11] = 0;
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) sum += uint32_t{frame[at + i]} << 8 | frame[at + i + 1];
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    frame[at + 10] = static_cast<uint8_t>(~sum >> 8);
    frame[at + 11] = static_cast<uint8_t>(~sum);
  }
  uint64_t dropped(DropReason reason) const {
    return site.counters.count(
        [&](const auto& w) -> const Counter& { return w.dropped[static_cast<size_t>(reason)]; });
  }
  std::vector<PortIndex> sent_to() {
    site.neighbours->flush();
    std::vector<PortIndex> out;
    for (const auto& [port, frame] : site.sent) {
      if (frame[12] == 0x08 && frame[13] == 0x00) out.push_back(port);
    }
    site.sent.clear();
    return out;
  }

  TestSite site;
  Teid teid;
};

TEST_F(PipelineFragmentsTest, fragments_go_on_at_once_where_ports_decide_nothing) {
  for (const auto& frame : user_fragments(1000, 400)) {
    const auto outcome = site.run(kN3, frame);
    EXPECT_EQ(outcome.verdict, Verdict::kSend);
    EXPECT_EQ(outcome.out_port, kN6);
  }
}

TEST_F(PipelineFragmentsTest, all_fragments_follow_the_rule_for_the_ports_of_the_first) {
  site.set_rules({kWebToApp});
  site.answer(kLdn, "10.60.0.10", kAppMac);
  sent_to();
  const auto frames = user_fragments(1000, 400);
  for (const auto& frame : frames) EXPECT_EQ(site.run(kN3, frame).verdict, Verdict::kException);
  EXPECT_EQ(sent_to(), std::vector<PortIndex>(3, kLdn));
  // In any order: they wait for the first.
  const auto other = user_fragments(1000, 400, 78);
  site.run(kN3, other[2]);
  site.run(kN3, other[1]);
  EXPECT_THAT(sent_to(), ::testing::IsEmpty());
  site.run(kN3, other[0]);
  EXPECT_EQ(sent_to(), std::vector<PortIndex>(3, kLdn));
  EXPECT_EQ(site.exceptions->tracker().bytes(), 0U);
}

TEST_F(PipelineFragmentsTest, fragments_wait_neither_long_nor_in_numbers) {
  site.set_rules({kWebToApp});
  site.answer(kLdn, "10.60.0.10", kAppMac);
  const auto later = [&](uint16_t id) { return user_fragments(1000, 400, id)[1]; };
  site.run(kN3, later(1));
  EXPECT_EQ(site.exceptions->tracker().packets(), 1U);
  site.pass(milliseconds(2050));
  EXPECT_EQ(site.exceptions->tracker().packets(), 0U);
  EXPECT_EQ(dropped(DropReason::kFragmentIncomplete), 1U);

  for (uint16_t id = 2; id < 102; ++id) site.run(kN3, later(id));
  EXPECT_EQ(site.exceptions->tracker().packets(), 64U);
  EXPECT_EQ(dropped(DropReason::kFragmentNoRoom), 36U);
  for (int i = 0; i < 20; ++i) site.run(kN3, later(101));
  EXPECT_EQ(dropped(DropReason::kFragmentNoRoom), 36U + 5);
}

TEST_F(PipelineFragmentsTest, fragments_of_a_user_who_is_away_are_buffered_and_follow) {
  site.set_rules({R"({"trafficRuleId": "no", "filterType": "FLOW", "priority": 9,
      "state": "ACTIVE", "trafficFilter": [{"srcPort": ["81"]}], "action": "DROP"})"});
  auto spec = site.ue_session(4);
  SdfFilter udp;
  udp.remote_ports = {{5000, 5000}};
  spec.pdrs[PdrId(2)].sdf = {udp};
  spec.fars[FarId(2)].forward = false;
  spec.fars[FarId(2)].buffer = true;
  ASSERT_TRUE(site.sessions->install(spec));
  const Bytes whole = ipv4(kHost, "10.45.0.4").udp(5000, 80).payload(numbers(100)).frame();
  for (const size_t at : {size_t{0}, size_t{56}}) {
    auto frame = eth(kOwnMac, kGatewayMac)
                     .ipv4(kHost, "10.45.0.4")
                     .identification(9)
                     .fragment(static_cast<uint16_t>((at == 0 ? kMore : 0) | at / 8))
                     .payload(part(whole, 20 + at, at == 0 ? 76 : whole.size()))
                     .frame();
    frame[14 + 9] = 17;
    fix_ip_checksum(frame, 14);
    EXPECT_EQ(site.run(kN6, frame).verdict, Verdict::kException);
  }
  EXPECT_EQ(site.held.size(), 2U);
  sent_to();
  spec.fars[FarId(2)].forward = true;
  spec.fars[FarId(2)].buffer = false;
  ASSERT_TRUE(site.sessions->install(spec));
  EXPECT_EQ(sent_to(), std::vector<PortIndex>(2, kN3));
}

// Fragments of a frame's outer packet, in order.
std::vector<Bytes> outer_fragments(const Bytes& frame, size_t bytes, uint16_t id) {
  const Bytes data = part(frame, 34, frame.size());
  std::vector<Bytes> out;
  for (size_t at = 0; at < data.size(); at += bytes) {
    const size_t end = std::min(at + bytes, data.size());
    Bytes piece = part(frame, 0, 34);
    const Bytes own = part(data, at, end);
    piece.insert(piece.end(), own.begin(), own.end());
    const auto total = static_cast<uint16_t>(piece.size() - 14);
    const auto word = static_cast<uint16_t>((end < data.size() ? kMore : 0) | at / 8);
    piece[16] = static_cast<uint8_t>(total >> 8);
    piece[17] = static_cast<uint8_t>(total);
    piece[18] = static_cast<uint8_t>(id >> 8);
    piece[19] = static_cast<uint8_t>(id);
    piece[20] = static_cast<uint8_t>(word >> 8);
    piece[21] = static_cast<uint8_t>(word);
    piece[24] = piece[25] = 0;
    uint32_t sum = 0;
    for (size_t i = 14; i < 34; i += 2) sum += uint32_t{piece[i]} << 8 | piece[i + 1];
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    piece[24] = static_cast<uint8_t>(~sum >> 8);
    piece[25] = static_cast<uint8_t>(~sum);
    out.push_back(piece);
  }
  return out;
}

TEST_F(PipelineFragmentsTest, a_tunnelled_packet_in_fragments_is_put_together) {
  const Bytes inner = ipv4(kUe, kHost).udp(1, 2).payload(numbers(900)).frame();
  const auto frames = outer_fragments(uplink().payload(inner).frame(), 400, 5);
  ASSERT_EQ(frames.size(), 3U);
  site.sent.clear();
  for (const size_t i : {2U, 0U, 1U}) {
    EXPECT_EQ(site.run(kN3, frames[i]).verdict, Verdict::kException);
  }
  ASSERT_EQ(site.sent.size(), 1U);
  const auto& [port, frame] = site.sent.front();
  EXPECT_EQ(port, kN6);
  EXPECT_EQ(part(frame, 14 + 28, frame.size()), part(inner, 28, inner.size()));
  EXPECT_EQ(site.exceptions->reassembler().datagrams(), 0U);
  EXPECT_EQ(site.exceptions->reassembler().bytes(), 0U);
}

TEST_F(PipelineFragmentsTest, outer_fragments_that_overlap_or_stay_alone_come_to_nothing) {
  const Bytes inner = ipv4(kUe, kHost).udp(1, 2).payload(numbers(900)).frame();
  const auto frames = outer_fragments(uplink().payload(inner).frame(), 400, 5);
  site.sent.clear();
  site.run(kN3, frames[0]);
  site.run(kN3, frames[0]);  // the same again: the datagram goes
  EXPECT_EQ(dropped(DropReason::kFragmentIncomplete), 2U);
  site.run(kN3, frames[1]);
  site.run(kN3, frames[2]);
  site.pass(milliseconds(2050));
  EXPECT_EQ(dropped(DropReason::kFragmentIncomplete), 4U);
  EXPECT_EQ(site.exceptions->reassembler().bytes(), 0U);
  EXPECT_THAT(sent_to(), ::testing::IsEmpty());

  for (uint16_t id = 0; id < 300; ++id) {
    site.run(kN3, outer_fragments(uplink().payload(inner).frame(), 400, id)[0]);
  }
  EXPECT_EQ(site.exceptions->reassembler().datagrams(), 256U);
  EXPECT_EQ(dropped(DropReason::kFragmentNoRoom), 44U);
}

// What receivers put together again.
Bytes joined(const std::vector<Bytes>& packets) {
  Bytes data;
  for (const auto& packet : packets) {
    const auto place = fragment_place(packet);
    EXPECT_TRUE(place);
    if (!place) return {};
    EXPECT_EQ(place->offset, data.size());
    data.insert(data.end(), packet.begin() + place->data_offset, packet.end());
  }
  return data;
}

TEST_F(PipelineFragmentsTest, packets_that_may_be_cut_are_cut_to_the_ports_mtu) {
  const Bytes payload = numbers(3000);
  struct Case {
    const char* what;
    PortIndex in, out;
    Bytes frame;
    size_t inner_offset;
    size_t mtu;
  };
  const Case cases[] = {
      {"downwards, into the tunnel", kN6, kN3,
       eth(kOwnMac, kGatewayMac).ipv4(kHost, kUe).udp(1, 2).payload(payload).frame(),
       14 + 20 + 8 + 16, 1600},
      {"upwards", kN3, kN6, uplink().ipv4(kUe, kHost).udp(1, 2).payload(payload).frame(), 14, 1500},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    site.sent.clear();
    EXPECT_EQ(site.run(c.in, c.frame).verdict, Verdict::kException);
    std::vector<Bytes> packets;
    for (const auto& [port, frame] : site.sent) {
      EXPECT_EQ(port, c.out);
      EXPECT_LE(frame.size() - 14, c.mtu);
      packets.push_back(part(frame, c.inner_offset, frame.size()));
      if (c.inner_offset == 14) continue;
      const size_t gtp_payload = frame.size() - 14 - 20 - 8 - 8;
      EXPECT_EQ(frame[16] << 8 | frame[17], static_cast<int>(frame.size() - 14));
      EXPECT_EQ(frame[14 + 24] << 8 | frame[14 + 25], static_cast<int>(frame.size() - 34));
      EXPECT_EQ(frame[14 + 28 + 2] << 8 | frame[14 + 28 + 3], static_cast<int>(gtp_payload));
    }
    EXPECT_GE(packets.size(), 2U);
    const Bytes data = joined(packets);
    EXPECT_EQ(part(data, 8, data.size()), payload);
  }
}

}  // namespace
}  // namespace sluice::upf
