#include "upf-dataplane/steer/classifier.h"

#include <gtest/gtest.h>

#include <random>

#include "upf-dataplane/steer/tunnel_classifier.h"
#include "upf-dataplane/testing/frame_builder.h"

namespace sluice::upf {
namespace {

using traffic_rules::IpFamily;
using traffic_rules::MatchBox;
using traffic_rules::PacketFields;
using traffic_rules::PortRange;

// Small pools, so that boxes and packets meet often.
class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  uint32_t below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  bool often() { return below(3) != 0; }
  bool seldom() { return below(4) == 0; }

  IpAddress address(bool v4) {
    const auto text = v4 ? fmt::format("10.0.{}.{}", below(2), below(4))
                         : fmt::format("2001:db8:{}::{}", below(2), below(4));
    return *IpAddress::parse(text);
  }
  IpPrefix prefix(bool v4) {
    static constexpr unsigned kV4[] = {0, 8, 23, 24, 30, 31, 32};
    static constexpr unsigned kV6[] = {0, 32, 47, 48, 127, 128};
    const unsigned length = v4 ? kV4[below(7)] : kV6[below(6)];
    // Canonical, as compile() makes them.
    return *IpPrefix::make(IpPrefix::make(address(v4), length)->network(), length);
  }
  uint16_t port() { return static_cast<uint16_t>(below(6)); }
  PortRange ports() {
    const uint16_t low = port();
    return {low, static_cast<uint16_t>(low + below(3))};
  }
  uint8_t protocol() {
    static constexpr uint8_t kProtocols[] = {1, 6, 17};
    return kProtocols[below(3)];
  }

  MatchBox box() {
    MatchBox box;
    const bool v4 = often();
    if (often()) box.src = prefix(v4);
    if (often()) box.dst = prefix(v4);
    if (box.src || box.dst || seldom()) box.family = v4 ? IpFamily::kV4 : IpFamily::kV6;
    if (seldom()) box.src_port = ports();
    if (often()) box.dst_port = ports();
    if (often()) box.protocol = protocol();
    if (seldom()) box.qfi = static_cast<uint8_t>(below(3));
    if (seldom() && box.family == IpFamily::kV4) box.dscp = static_cast<uint8_t>(below(3));
    if (seldom() && box.family == IpFamily::kV6) box.tc = static_cast<uint8_t>(below(3));
    return box;
  }

  // A box with conditions on the tunnel, too.
  MatchBox tunnelled_box() {
    MatchBox box = this->box();
    const bool v4 = often();
    if (often()) box.tunnel_src = prefix(v4);
    if (seldom()) box.tunnel_dst = prefix(v4);
    if (seldom()) box.tunnel_src_port = ports();
    if (seldom()) box.tunnel_dst_port = ports();
    return box;
  }
  PacketFields::Tunnel tunnel() {
    const bool v4 = often();
    return {address(v4), address(v4), {port(), port()}};
  }

  PacketFields packet() {
    PacketFields fields;
    const bool v4 = often();
    fields.src = address(v4);
    fields.dst = address(v4);
    fields.protocol = protocol();
    if (fields.protocol != 1 && often()) fields.ports = {port(), port()};
    fields.tos = static_cast<uint8_t>(below(10));
    if (often()) fields.qfi = static_cast<uint8_t>(below(3));
    return fields;
  }

 private:
  std::mt19937 random_;
};

FlowKey key_of(const PacketFields& fields) {
  FlowKey key{};
  std::memcpy(key.source, fields.src.v6().bytes().data(), 16);
  std::memcpy(key.destination, fields.dst.v6().bytes().data(), 16);
  key.protocol = fields.protocol;
  key.tos = fields.tos;
  if (fields.src.is_v6()) key.bits |= FlowKey::kIsV6;
  if (fields.ports) {
    key.bits |= FlowKey::kHasPorts;
    key.source_port = fields.ports->src;
    key.destination_port = fields.ports->dst;
  }
  if (fields.qfi) {
    key.bits |= FlowKey::kHasQfi;
    key.qfi = *fields.qfi;
  }
  // What the classifier must not look at.
  key.set_direction(Direction::kDownlinkCore);
  key.session_version = 77;
  key.origin = 78;
  return key;
}

// The definition: traffic_rules::matches(), first box in order.
Rank expected(const std::vector<Classifier::Entry>& entries, const PacketFields& packet) {
  Rank best = kNoRank;
  for (const auto& entry : entries) {
    if (matches(entry.box, packet)) best = std::min(best, entry.rank);
  }
  return best;
}

TEST(Classifier, agrees_with_the_definition_on_random_rules_and_packets) {
  size_t hits = 0;
  size_t misses = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed);
    std::vector<Classifier::Entry> entries;
    const uint32_t count = 1 + dice.below(60);
    for (uint32_t i = 0; i < count; ++i) entries.push_back({dice.box(), dice.below(count)});
    const Classifier classifier(entries);
    for (int i = 0; i < 200; ++i) {
      const auto packet = dice.packet();
      const Rank want = expected(entries, packet);
      ++(want == kNoRank ? misses : hits);
      ASSERT_EQ(classifier.find(key_of(packet)), want)
          << "seed " << seed << ": " << packet.src.to_string() << " > " << packet.dst.to_string();
    }
  }
  EXPECT_GT(hits, 5000U);  // otherwise the dice are loaded and the test means little
  EXPECT_GT(misses, 5000U);
}

TEST(TunnelClassifier, agrees_with_the_definition_on_random_rules_and_packets) {
  size_t hits = 0;
  size_t misses = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed);
    std::vector<Classifier::Entry> entries;
    const uint32_t count = 1 + dice.below(60);
    for (uint32_t i = 0; i < count; ++i)
      entries.push_back({dice.tunnelled_box(), dice.below(count)});
    const TunnelClassifier classifier(entries);
    for (int i = 0; i < 200; ++i) {
      auto packet = dice.packet();
      packet.tunnel = dice.tunnel();
      const FlowKey outer =
          tunnel_key(packet.tunnel->src.v6().bytes().data(), packet.tunnel->dst.v6().bytes().data(),
                     packet.tunnel->ports.src, packet.tunnel->ports.dst);
      // What was found so far may come first.
      const Rank bound = dice.often() ? kNoRank : dice.below(count);
      const Rank want = std::min(bound, expected(entries, packet));
      ++(want == bound ? misses : hits);
      ASSERT_EQ(classifier.find(key_of(packet), outer, bound), want) << "seed " << seed;
    }
  }
  EXPECT_GT(hits, 3000U);
  EXPECT_GT(misses, 3000U);
}

TEST(Classifier, tells_networks_apart) {
  const Classifier classifier(std::vector<Classifier::Entry>{{.box = {}, .rank = 1, .network = 7},
                                                             {.box = {}, .rank = 2},
                                                             {.box = {}, .rank = 0, .network = 9}});
  const FlowKey key = key_of(Dice(1).packet());
  EXPECT_EQ(classifier.find(rule_key(key, 7)), 1U);
  EXPECT_EQ(classifier.find(rule_key(key, 9)), 0U);
  EXPECT_EQ(classifier.find(rule_key(key, 8)), 2U);
}

TEST(Classifier, finds_nothing_without_rules) {
  EXPECT_EQ(Classifier().find(key_of(Dice(1).packet())), kNoRank);
  EXPECT_TRUE(Classifier().empty());
}

TEST(Classifier, shares_a_table_between_rules_of_one_shape) {
  std::vector<Classifier::Entry> entries;
  for (uint32_t i = 0; i < 10'000; ++i) {
    MatchBox box;
    box.family = IpFamily::kV4;
    box.dst = *IpPrefix::make(Ipv4Address(0x0a000000 + i), 32);
    box.dst_port = PortRange{80, 80};
    box.protocol = uint8_t{6};
    entries.push_back({box, i});
  }
  const Classifier classifier(entries);
  EXPECT_EQ(classifier.tuples(), 1U);
  PacketFields packet;
  packet.src = *IpAddress::parse("192.0.2.1");
  packet.dst = Ipv4Address(0x0a000000 + 9'999);
  packet.protocol = 6;
  packet.ports = {1, 80};
  EXPECT_EQ(classifier.find(key_of(packet)), 9'999U);
}

}  // namespace
}  // namespace sluice::upf
