#include "traffic-rules/ranges.h"

#include <gmock/gmock.h>

namespace sluice::traffic_rules {
namespace {

using ::testing::ElementsAre;

struct AddressCase {
  const char* text;
  const char* low;
  const char* high;
};

TEST(IpRange, spans_what_is_written) {
  for (const auto& c : std::vector<AddressCase>{
           {"192.0.2.7", "192.0.2.7", "192.0.2.7"},
           {"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
           {"10.0.0.0/255.255.0.0", "10.0.0.0", "10.0.255.255"},
           {"10.1.2.3/8", "10.0.0.0", "10.255.255.255"},
           {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
           {"10.0.0.5-10.0.0.9", "10.0.0.5", "10.0.0.9"},
           {"10.0.0.0/24-10.0.3.0/24", "10.0.0.0", "10.0.3.255"},
           {"2001:db8::/126", "2001:db8::", "2001:db8::3"},
           {"2001:db8::/48-2001:db8:2::/48", "2001:db8::", "2001:db8:2:ffff:ffff:ffff:ffff:ffff"},
       }) {
    const auto range = IpRange::parse(c.text);
    ASSERT_TRUE(range) << c.text << ": " << range.error().message;
    EXPECT_EQ(range->low.to_string(), c.low) << c.text;
    EXPECT_EQ(range->high.to_string(), c.high) << c.text;
  }
}

TEST(IpRange, refuses_what_is_no_range) {
  for (const auto* text : {"", "-", "10.0.0.1-", "-10.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.0/33",
                           "10.0.0.1-2001:db8::1", "10.0.0.1-10.0.0.2-10.0.0.3", "any", "10.0.0.1 ",
                           "10.0.0.0/255.0.255.0", "::ffff:10.0.0.0/104"}) {
    EXPECT_FALSE(IpRange::parse(text)) << text;
  }
}

struct PortCase {
  const char* text;
  int low;  // negative: refused
  int high;
};

TEST(PortRange, is_a_port_or_two_in_order) {
  for (const auto& c : std::vector<PortCase>{{"0", 0, 0},
                                             {"80", 80, 80},
                                             {"65535", 65535, 65535},
                                             {"8000-8080", 8000, 8080},
                                             {"65536", -1, -1},
                                             {"99999999999999", -1, -1},
                                             {"-1", -1, -1},
                                             {"1-", -1, -1},
                                             {"9-8", -1, -1},
                                             {"+80", -1, -1},
                                             {"80 ", -1, -1},
                                             {"http", -1, -1},
                                             {"", -1, -1}}) {
    const auto range = PortRange::parse(c.text);
    ASSERT_EQ(range.has_value(), c.low >= 0) << c.text;
    if (range) {
      EXPECT_EQ(*range, (PortRange{static_cast<uint16_t>(c.low), static_cast<uint16_t>(c.high)}));
    }
  }
}

std::vector<std::string> split(const char* text) {
  std::vector<std::string> out;
  for (const auto& prefix : prefixes_of(*IpRange::parse(text))) out.push_back(prefix.to_string());
  return out;
}

TEST(PrefixesOf, are_the_fewest_that_cover_the_range) {
  EXPECT_THAT(split("10.0.0.0/8"), ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(split("0.0.0.0-255.255.255.255"), ElementsAre("0.0.0.0/0"));
  EXPECT_THAT(split("10.0.0.5-10.0.0.9"), ElementsAre("10.0.0.5/32", "10.0.0.6/31", "10.0.0.8/31"));
  EXPECT_THAT(split("255.255.255.255"), ElementsAre("255.255.255.255/32"));
  EXPECT_THAT(split("::/0"), ElementsAre("::/0"));
  EXPECT_THAT(split("2001:db8::1-2001:db8::4"),
              ElementsAre("2001:db8::1/128", "2001:db8::2/127", "2001:db8::4/128"));
  // The longest splits possible.
  EXPECT_EQ(split("0.0.0.1-255.255.255.254").size(), 62U);
  EXPECT_EQ(split("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").size(), 254U);
}

TEST(PrefixesOf, skip_the_mapped_block_that_no_ipv6_packet_has) {
  EXPECT_THAT(split("::fffe:8000:0-::1:0:0:0"), ElementsAre("::fffe:8000:0/97", "::1:0:0:0/128"));
}

TEST(Merged, joins_ranges_that_touch_and_keeps_families_apart) {
  std::vector<IpRange> ranges;
  for (const auto* text : {"::/0", "10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25", "10.0.3.0/24"}) {
    ranges.push_back(*IpRange::parse(text));
  }
  EXPECT_THAT(merged(ranges), ElementsAre(*IpRange::parse("10.0.0.0/23"),
                                          *IpRange::parse("10.0.3.0/24"), *IpRange::parse("::/0")));
  EXPECT_THAT(merged(std::vector<PortRange>{{81, 90}, {80, 80}, {85, 86}, {92, 65535}, {0, 0}}),
              ElementsAre(PortRange{0, 0}, PortRange{80, 90}, PortRange{92, 65535}));
}

}  // namespace
}  // namespace sluice::traffic_rules
