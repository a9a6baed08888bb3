#include "traffic-rules/network_scope.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::traffic_rules {
namespace {

constexpr Snssai kPlain{.sst = 1};
constexpr Snssai kVideo{.sst = 1, .sd = 7};

TEST(NetworkScope, names_the_data_network_without_the_operator) {
  for (const auto& [dnn, wanted] : std::vector<std::pair<const char*, const char*>>{
           {"", ""},
           {"internet", "internet"},
           {"Ims.Example", "ims.example"},
           {"internet.mnc001.mcc262.gprs", "internet"},
           {"INTERNET.MNC001.MCC262.GPRS", "internet"},
           {".mnc001.mcc262.gprs", ".mnc001.mcc262.gprs"},
           {"a.mnc01.mcc262.gprs", "a.mnc01.mcc262.gprs"},
           {"a.mncxyz.mcc262.gprs", "a.mncxyz.mcc262.gprs"},
           {"a.mnc001.mcc262.grps", "a.mnc001.mcc262.grps"}}) {
    EXPECT_EQ(network_identifier(dnn), wanted);
  }
}

TEST(NetworkScope, contains_sessions_that_are_all_that_it_names) {
  const Network video{"internet", kVideo};
  EXPECT_TRUE(contains({.dnn = "Internet"}, video));
  EXPECT_TRUE(contains({.dnn = {}, .snssai = kVideo}, video));
  EXPECT_TRUE(contains({.dnn = "internet", .snssai = kVideo}, video));
  EXPECT_FALSE(contains({.dnn = "internet", .snssai = kPlain}, video)) << "another slice";
  EXPECT_FALSE(contains({.dnn = "ims", .snssai = kVideo}, video));
  EXPECT_FALSE(contains({.dnn = "internet"}, Network{})) << "nobody knows";
  EXPECT_FALSE(contains({.dnn = {}, .snssai = kPlain}, {.dnn = "internet"}));
  EXPECT_TRUE(in_scope({}, Network{}));
}

TEST(NetworkScope, lists_cover_and_meet) {
  const NetworkScope internet{.dnn = "internet"};
  const NetworkScope video{.dnn = {}, .snssai = kVideo};
  const NetworkScope both{.dnn = "INTERNET", .snssai = kVideo};
  const NetworkScope ims{.dnn = "ims"};
  struct Case {
    std::vector<NetworkScope> a, b;
    bool covers, meets;
  };
  for (const auto& c : std::vector<Case>{{{}, {internet}, true, true},
                                         {{internet}, {}, false, true},
                                         {{internet}, {both}, true, true},
                                         {{video}, {both}, true, true},
                                         {{both}, {internet}, false, true},
                                         {{internet}, {video}, false, true},
                                         {{internet}, {ims}, false, false},
                                         {{internet, ims}, {ims, both}, true, true},
                                         {{internet}, {ims, both}, false, true}}) {
    EXPECT_EQ(covers(c.a, c.b), c.covers);
    EXPECT_EQ(meets(c.a, c.b), c.meets);
    EXPECT_EQ(meets(c.b, c.a), c.meets);
  }
}

}  // namespace
}  // namespace sluice::traffic_rules
