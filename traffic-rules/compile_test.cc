#include "traffic-rules/compile.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "traffic-rules/json.h"

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

TrafficRule rule_of(const char* filters, const char* filter_type = "FLOW") {
  const auto rule = traffic_rule_from_json({{"trafficRuleId", "r"},
                                            {"filterType", filter_type},
                                            {"priority", 1},
                                            {"trafficFilter", json::parse(filters)},
                                            {"action", "DROP"},
                                            {"state", "ACTIVE"}});
  EXPECT_TRUE(rule) << rule.error().to_string();
  return *rule;
}

CompiledRule compiled(const char* filters, const char* filter_type = "FLOW") {
  return *compile("app/r", 0, rule_of(filters, filter_type));
}

struct Packet {
  const char* src;
  const char* dst;
  int protocol = 6;
  int src_port = 1000;  // negative: unknown
  int dst_port = 80;
  int tos = 0;
  int qfi = -1;
  const char* tunnel_src = nullptr;
  const char* tunnel_dst = nullptr;
};

PacketFields fields_of(const Packet& p) {
  PacketFields out;
  out.src = *IpAddress::parse(p.src);
  out.dst = *IpAddress::parse(p.dst);
  out.protocol = static_cast<uint8_t>(p.protocol);
  if (p.src_port >= 0) {
    out.ports = {static_cast<uint16_t>(p.src_port), static_cast<uint16_t>(p.dst_port)};
  }
  out.tos = static_cast<uint8_t>(p.tos);
  if (p.qfi >= 0) out.qfi = static_cast<uint8_t>(p.qfi);
  if (p.tunnel_src != nullptr) {
    out.tunnel = {*IpAddress::parse(p.tunnel_src), *IpAddress::parse(p.tunnel_dst), {2152, 2152}};
  }
  return out;
}

bool caught(const CompiledRule& rule, Direction direction, const Packet& packet) {
  return first_match({&rule, 1}, direction, fields_of(packet)) != nullptr;
}

struct Case {
  const char* what;
  const char* filters;
  Packet packet;
  bool matches;
};

TEST(Compile, matches_an_uplink_packet_as_the_filter_says) {
  const Packet http{"10.0.0.1", "192.0.2.1"};
  const Packet icmp{.src = "10.0.0.1", .dst = "192.0.2.1", .protocol = 1, .src_port = -1};
  const Packet fragment{.src = "10.0.0.1", .dst = "192.0.2.1", .src_port = -1};
  const Packet v6{"2001:db8::1", "2001:db8::2"};
  const Packet tunnelled{.src = "10.0.0.1",
                         .dst = "192.0.2.1",
                         .qfi = 9,
                         .tunnel_src = "172.16.0.1",
                         .tunnel_dst = "172.16.0.2"};
  const Packet marked4{.src = "10.0.0.1", .dst = "192.0.2.1", .tos = 46 << 2 | 1};
  const Packet marked6{.src = "2001:db8::1", .dst = "2001:db8::2", .tos = 46 << 2 | 1};
  for (const auto& c : std::vector<Case>{
           {"an empty filter matches all", R"([{}])", icmp, true},
           {"source prefix", R"([{"srcAddress": ["10.0.0.0/24"]}])", http, true},
           {"source is not destination", R"([{"srcAddress": ["192.0.2.0/24"]}])", http, false},
           {"any of a list", R"([{"dstAddress": ["1.1.1.1", "192.0.2.1"]}])", http, true},
           {"range of addresses", R"([{"dstAddress": ["192.0.1.7-192.0.2.1"]}])", http, true},
           {"just outside a range", R"([{"dstAddress": ["192.0.1.7-192.0.2.0"]}])", http, false},
           {"all members must hold", R"([{"dstAddress": ["192.0.2.1"], "dstPort": ["443"]}])", http,
            false},
           {"any of the filters", R"([{"dstPort": ["443"]}, {"dstPort": ["79-81"]}])", http, true},
           {"a port needs a transport with ports", R"([{"dstPort": ["0-65535"]}])", icmp, false},
           {"a later fragment has no ports", R"([{"dstPort": ["80"]}])", fragment, false},
           {"but it has addresses", R"([{"dstAddress": ["192.0.2.1"]}])", fragment, true},
           {"protocol by name", R"([{"protocol": ["UDP", "icmp"]}])", icmp, true},
           {"IPv4 prefix of length 0 is no IPv6", R"([{"dstAddress": ["0.0.0.0/0"]}])", v6, false},
           {"mixed families pair with their own",
            R"([{"srcAddress": ["9.9.9.9", "2001:db8::1"], "dstAddress": ["1.1.1.1", "::/0"]}])",
            v6, true},
           {"DSCP ignores ECN", R"([{"dSCP": 46}])", marked4, true},
           {"DSCP is of IPv4", R"([{"dSCP": 46}])", marked6, false},
           {"TC is all eight bits", R"([{"tC": 185}])", marked6, true},
           {"TC with another ECN", R"([{"tC": 184}])", marked6, false},
           {"TC is of IPv6", R"([{"tC": 185}])", marked4, false},
           {"QFI", R"([{"qCI": 9}])", tunnelled, true},
           {"no QFI", R"([{"qCI": 0}])", http, false},
           {"tunnel", R"([{"srcTunnelAddress": ["172.16.0.1"], "dstTunnelPort": ["2152"]}])",
            tunnelled, true},
           {"other tunnel", R"([{"tgtTunnelAddress": ["172.16.0.1"]}])", tunnelled, false},
           {"no tunnel", R"([{"dstTunnelPort": ["2152"]}])", http, false},
           {"unknown tag", R"([{"tag": ["alice"]}])", http, false},
       }) {
    EXPECT_EQ(caught(compiled(c.filters), Direction::kUplink, c.packet), c.matches) << c.what;
  }
}

TEST(Compile, a_flow_includes_the_replies_and_a_packet_filter_does_not) {
  const auto* filters = R"([{"dstAddress": ["192.0.2.1"], "dstPort": ["80"],
                             "srcTunnelAddress": ["172.16.0.1"]}])";
  const Packet request{.src = "10.0.0.1",
                       .dst = "192.0.2.1",
                       .tunnel_src = "172.16.0.1",
                       .tunnel_dst = "172.16.0.2"};
  const Packet reply{.src = "192.0.2.1",
                     .dst = "10.0.0.1",
                     .src_port = 80,
                     .dst_port = 1000,
                     .tunnel_src = "172.16.0.2",
                     .tunnel_dst = "172.16.0.1"};
  const auto flow = compiled(filters, "FLOW");
  EXPECT_TRUE(caught(flow, Direction::kUplink, request));
  EXPECT_TRUE(caught(flow, Direction::kDownlink, reply));
  EXPECT_FALSE(caught(flow, Direction::kDownlink, request));
  const auto packet = compiled(filters, "PACKET");
  EXPECT_TRUE(caught(packet, Direction::kUplink, request));
  EXPECT_FALSE(caught(packet, Direction::kDownlink, reply));
  EXPECT_TRUE(caught(packet, Direction::kDownlink, request));
}

TEST(Compile, a_tag_narrows_the_source_to_its_users) {
  const TagResolver resolve = [](std::string_view tag) {
    if (tag != "alice") return std::vector<IpPrefix>{};
    return std::vector{*IpPrefix::parse("10.0.0.7/32"), *IpPrefix::parse("2001:db8:7::/64")};
  };
  const auto sources = [&](const char* filters) {
    std::vector<std::string> out;
    const auto rule = *compile("a/r", 0, rule_of(filters), resolve);
    for (const auto& box : rule.uplink) {
      out.push_back(box.src->to_string());
    }
    return out;
  };
  EXPECT_THAT(sources(R"([{"tag": ["alice", "bob"]}])"),
              testing::ElementsAre("10.0.0.7/32", "2001:db8:7::/64"));
  EXPECT_THAT(sources(R"([{"tag": ["alice"], "srcAddress": ["10.0.0.0/8"]}])"),
              testing::ElementsAre("10.0.0.7/32"));
  EXPECT_THAT(sources(R"([{"tag": ["alice"], "srcAddress": ["2001:db8:7::5", "10.1.0.0/16"]}])"),
              testing::ElementsAre("2001:db8:7::5/128"));
  EXPECT_THAT(sources(R"([{"tag": ["bob"]}])"), testing::ElementsAre());
}

TEST(Compile, makes_no_more_boxes_than_needed) {
  struct BoxCase {
    const char* filters;
    size_t boxes;
  };
  for (const auto& c : std::vector<BoxCase>{
           {R"([{}])", 1},
           {R"([{"dstAddress": ["10.0.0.0/25", "10.0.0.128/25"], "dstPort": ["1-5", "6"]}])", 1},
           {R"([{"dstAddress": ["10.0.0.0/24", "10.0.0.7"]}])", 1},
           {R"([{"dstAddress": ["10.0.0.1", "::1"], "srcAddress": ["10.0.0.2", "::2"]}])", 2},
           {R"([{"protocol": ["TCP", "6", "ICMP"], "dstPort": ["80"]}])", 1},
           {R"([{"dstAddress": ["1.0.0.0", "3.0.0.0"], "dstPort": ["1", "3", "5"]}])", 6}}) {
    EXPECT_EQ(compiled(c.filters).uplink.size(), c.boxes) << c.filters;
  }
}

TEST(Compile, refuses_a_rule_that_explodes) {
  json filter;
  for (int i = 0; i < 64; ++i) {
    for (const auto* list : {"srcAddress", "dstAddress", "srcTunnelAddress", "tgtTunnelAddress"}) {
      filter[list].push_back(fmt::format("10.{}.0.1-10.{}.255.254", i, i));
    }
  }
  const auto rule = compile("app/r", 0, rule_of(json::array({filter}).dump().c_str()));
  ASSERT_FALSE(rule);
  EXPECT_EQ(rule.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(rule.error().message, testing::StartsWith("rule app/r needs 13589544960000 address"));
}

TEST(Compile, precedence_is_priority_then_age_then_key) {
  const auto make = [](const char* key, uint8_t priority, uint64_t order) {
    auto rule = compiled(R"([{}])");
    rule.key = key;
    rule.priority = priority;
    rule.order = order;
    return rule;
  };
  const std::vector ascending = {make("z", 9, 5), make("y", 8, 1), make("b", 8, 2),
                                 make("c", 8, 2)};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(precedes(ascending[i], ascending[j]), i < j) << i << " " << j;
    }
  }
  const std::vector shuffled = {ascending[3], ascending[1], ascending[0], ascending[2]};
  EXPECT_EQ(first_match(shuffled, Direction::kUplink, fields_of({"10.0.0.1", "10.0.0.2"}))->key,
            "z");
}

}  // namespace
}  // namespace sluice::traffic_rules
