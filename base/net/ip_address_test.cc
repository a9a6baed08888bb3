#include "base/net/ip_address.h"

#include <gtest/gtest.h>

#include "base/net/big_endian.h"

namespace sluice {
namespace {

TEST(IpAddress, prints_what_it_parsed) {
  for (const auto* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(IpAddress, refuses_what_is_not_an_address) {
  for (const auto* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4 ", "::g",
                           "fe80::1%eth0", "1.2.3.4/32", "[::1]"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

struct PrefixCase {
  const char* prefix;
  const char* address;
  bool contained;
};

TEST(IpPrefix, contains_its_own_family_only) {
  for (const auto& c : std::vector<PrefixCase>{
           {"10.0.0.0/8", "10.255.0.1", true},
           {"10.0.0.0/255.0.0.0", "11.0.0.1", false},
           {"10.1.2.3", "10.1.2.3", true},
           {"10.1.2.3", "10.1.2.4", false},
           {"0.0.0.0/0", "198.51.100.7", true},
           {"0.0.0.0/0", "2001:db8::1", false},
           {"::/0", "198.51.100.7", false},
           {"2001:db8::/33", "2001:db8:7fff::1", true},
           {"2001:db8::/33", "2001:db8:8000::1", false},
       }) {
    const auto prefix = IpPrefix::parse(c.prefix);
    ASSERT_TRUE(prefix) << c.prefix;
    EXPECT_EQ(prefix->contains(*IpAddress::parse(c.address)), c.contained)
        << c.prefix << " " << c.address;
  }
}

TEST(IpPrefix, refuses_bad_lengths_and_masks) {
  for (const auto* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.0/255.0.255.0", "2001:db8::/129", "/8"}) {
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
  }
}

TEST(MacAddress, accepts_both_separators_but_not_mixed) {
  EXPECT_EQ(MacAddress::parse("02-00-00-00-00-0a")->to_string(), "02:00:00:00:00:0a");
  EXPECT_TRUE(MacAddress::parse("02:00:00:00:00:0A"));
  EXPECT_FALSE(MacAddress::parse("02:00:00-00:00:0a"));
  EXPECT_FALSE(MacAddress::parse("02:00:00:00:00:0g"));
  EXPECT_FALSE(MacAddress::parse("02:00:00:00:00"));
}

TEST(BigEndian, lies_in_memory_as_on_the_wire) {
  const Be32 v(0x01020304);
  EXPECT_EQ(std::memcmp(&v, "\x01\x02\x03\x04", 4), 0);
  EXPECT_EQ(v.get(), 0x01020304U);
}

}  // namespace
}  // namespace sluice
