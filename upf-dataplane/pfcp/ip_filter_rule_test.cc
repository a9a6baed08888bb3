#include "upf-dataplane/pfcp/ip_filter_rule.h"

#include <gtest/gtest.h>

namespace sluice::upf::pfcp {
namespace {

IpPrefix prefix(const char* text) { return *IpPrefix::parse(text); }

struct GoodCase {
  const char* what;
  const char* text;
  SdfFilter filter;
};

TEST(IpFilterRule, reads_what_3gpp_allows) {
  for (const auto& c : std::vector<GoodCase>{
           {"everything", "permit out ip from any to assigned", {}},
           {"any is as good as assigned", "permit out ip from any to any", {}},
           {"a protocol by number", "permit out 1 from any to assigned", {.protocol = 1}},
           {"protocol zero is not any", "permit out 0 from any to any", {.protocol = 0}},
           {"a far network",
            "permit out ip from 192.0.2.0/24 to assigned",
            {.remote = prefix("192.0.2.0/24")}},
           {"a mask of no bits still means IPv4",
            "permit out ip from 0.0.0.0/0 to any",
            {.remote = prefix("0.0.0.0/0")}},
           {"both ends",
            "permit out 17 from 198.51.100.7 to 10.45.0.2/32",
            {.protocol = 17, .remote = prefix("198.51.100.7"), .local = prefix("10.45.0.2")}},
           {"IPv6 and a port on the far side",
            "permit out 6 from 2001:db8::/32 443 to assigned",
            {.protocol = 6, .remote = prefix("2001:db8::/32"), .remote_ports = {{443, 443}}}},
           {"port lists and ranges on both sides",
            "permit out 132 from any 1,2-5,65535 to any 0-1023,8080",
            {.protocol = 132,
             .remote_ports = {{1, 1}, {2, 5}, {65535, 65535}},
             .local_ports = {{0, 1023}, {8080, 8080}}}},
           {"more spaces than needed",
            "  permit  out 6 from any   80 to assigned ",
            {.protocol = 6, .remote_ports = {{80, 80}}}},
       }) {
    const auto filter = parse_ip_filter_rule(c.text);
    ASSERT_TRUE(filter) << c.what << ": " << filter.error().to_string();
    EXPECT_EQ(*filter, c.filter) << c.what;
  }
}

struct BadCase {
  const char* text;
  const char* error;  // how the message starts: the position, then the reason
};

TEST(IpFilterRule, refuses_everything_else_with_position_and_reason) {
  for (const auto& c : std::vector<BadCase>{
           {"", "at 1: expected \"permit\""},
           {"deny out ip from any to any", "at 1: expected \"permit\""},
           {"permit in ip from any to any", "at 8: expected \"out\""},
           {"permit out tcp from any to any", "at 12: the protocol is a number"},
           {"permit out 256 from any to any", "at 12: the protocol is a number"},
           {"permit out -1 from any to any", "at 12: the protocol is a number"},
           {"permit out ip form any to any", "at 15: expected \"from\""},
           {"permit out ip from assigned to any", "at 20: \"assigned\" is the UE's"},
           {"permit out ip from !10.0.0.1 to any", "at 20: the \"!\" modifier"},
           {"permit out ip from 10.0.0 to any", "at 20: expected an address"},
           {"permit out ip from 10.0.0.1/33 to any", "at 29: a prefix has 0 to 32 bits"},
           {"permit out ip from 10.0.0.0/ to any", "at 29: a prefix has 0 to 32 bits"},
           {"permit out ip from 10.0.0.0/255.0.0.0 to any", "at 29: a prefix has 0 to 32 bits"},
           {"permit out ip from 10.0.0.1/8 to any", "at 20: \"10.0.0.1/8\" has bits set beyond"},
           {"permit out ip from ::ffff:10.0.0.0/8 to any", "at 20: an IPv4-mapped address"},
           {"permit out ip from 2001:db8::1/129 to any", "at 32: a prefix has 0 to 128 bits"},
           {"permit out ip from any 80 to any", "at 24: ports need protocol 6, 17 or 132"},
           {"permit out 1 from any to any 8", "at 30: ports need protocol 6, 17 or 132"},
           {"permit out 6 from any 80, to any", "at 26: a port is a number"},
           {"permit out 6 from any 80,,81 to any", "at 26: a port is a number"},
           {"permit out 6 from any 65536 to any", "at 23: a port is a number"},
           {"permit out 6 from any 90-80 to any", "at 23: the range \"90-80\" is upside down"},
           {"permit out 6 from any 80- to any", "at 23: a port is a number"},
           {"permit out 6 from any http to any", "at 23: expected \"to\" or ports"},
           {"permit out ip from any", "at 23: expected \"to\" or ports, not the end"},
           {"permit out ip from any to", "at 26: expected an address"},
           {"permit out ip from 10.0.0.1 to 2001:db8::1", "at 32: the two addresses are of diff"},
           {"permit out ip from any to any frag", "at 31: options are not allowed"},
           {"permit out 6 from any to any established", "at 30: options are not allowed"},
           {"permit\tout ip from any to any", "at 7: holds a byte that is not text"},
           {"permit out ip from any to any\xff", "at 30: holds a byte that is not text"},
       }) {
    const auto filter = parse_ip_filter_rule(c.text);
    ASSERT_FALSE(filter) << c.text;
    EXPECT_TRUE(filter.error().message.starts_with(c.error))
        << c.text << "\n  " << filter.error().message;
    EXPECT_EQ(filter.error().field, "Flow Description");
  }
}

TEST(IpFilterRule, bounds_its_length_and_its_port_ranges) {
  EXPECT_FALSE(parse_ip_filter_rule(std::string(kMaxFlowDescription + 1, ' ')));

  std::string ports = "1";
  for (size_t i = 1; i < kMaxPortRanges; ++i) ports += ",1";
  EXPECT_TRUE(parse_ip_filter_rule("permit out 6 from any " + ports + " to any"));
  EXPECT_FALSE(parse_ip_filter_rule("permit out 6 from any " + ports + ",1 to any"));
}

}  // namespace
}  // namespace sluice::upf::pfcp
