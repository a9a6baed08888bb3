#include "lab/ran_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::lab {
namespace {

constexpr auto kGood = R"(gnb: {addresses: [192.168.3.2, "fd03::2"]}
smf: {address: 10.0.4.2, upf: 10.0.4.1}
ues: {count: 200, netns: "x-ue{}", pool_v4: 10.45.0.0/16, pool_v6: "fd45::/48", outer: ipv6}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(RanConfig, EverythingOfAUeFollowsFromItsNumber) {
  const auto config = parse_ran_config("test", kGood);
  ASSERT_TRUE(config) << config.error().to_string();
  const UeNumber ue(258);
  EXPECT_EQ(config->ues.netns_of(ue), "x-ue258");
  EXPECT_EQ(config->ues.device_of(ue), "uesim0");
  EXPECT_EQ(config->ues.v4_of(ue).to_string(), "10.45.1.2");
  EXPECT_EQ(config->ues.v6_of(ue).to_string(), "fd45:0:0:102::1/64");
  EXPECT_FALSE(config->ues.outer_v4);
}

TEST(RanConfig, TheSmallerPoolLimitsTheNumberOfUes) {
  UePattern ues;
  ues.pool_v4 = *IpPrefix::parse("10.45.0.0/16");
  ues.pool_v6 = *IpPrefix::parse("fd45::/56");
  EXPECT_EQ(ues.last_number(), 255U);
  ues.pool_v4 = *IpPrefix::parse("10.45.0.0/28");
  EXPECT_EQ(ues.last_number(), 14U);
}

struct BadCase {
  std::string name;
  std::string from;
  std::string to;
  std::string complaint;
};

class BadRanConfig : public testing::TestWithParam<BadCase> {};

TEST_P(BadRanConfig, IsRefusedWithTheReason) {
  const auto config = parse_ran_config("test", replaced(kGood, GetParam().from, GetParam().to));
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().to_string(), testing::HasSubstr(GetParam().complaint));
}

constexpr auto kCaseName = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Table, BadRanConfig,
    testing::Values(
        BadCase{"NoGnbAddress", "192.168.3.2, \"fd03::2\"", "", "at least one address"},
        BadCase{"SmfOfAnotherFamily", "upf: 10.0.4.1", "upf: \"fd04::1\"", "same family"},
        BadCase{"TunnelsInAFamilyNotServed", ", \"fd03::2\"", "", "no address of this family"},
        BadCase{"MoreUesThanAddresses", "10.45.0.0/16", "10.45.0.0/28", "room for 14"},
        BadCase{"V6PoolTooSmall", "fd45::/48", "fd45::/80", "at most 64 bits"},
        BadCase{"PoolsSwapped", "10.45.0.0/16", "\"fd46::/48\"", "must be an IPv4 prefix"},
        BadCase{"UnknownKey", "outer: ipv6", "inner: ipv6", "inner"}),
    kCaseName);

}  // namespace
}  // namespace sluice::lab
