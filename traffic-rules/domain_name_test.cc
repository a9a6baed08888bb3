#include "traffic-rules/domain_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::traffic_rules {
namespace {

TEST(DomainName, is_kept_in_canonical_form) {
  for (const auto& [text, canonical] : std::vector<std::pair<const char*, const char*>>{
           {"www.example.com", "www.example.com"},
           {"WWW.Example.COM.", "www.example.com"},
           {"*.CDN.example", "*.cdn.example"},
           {"3com.example", "3com.example"},
           {"xn--bcher-kva.example", "xn--bcher-kva.example"},
           {"edge", "edge"}}) {
    const auto name = DomainName::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->to_string(), canonical);
  }
}

TEST(DomainName, refuses_what_no_host_is_called) {
  const std::string label64(64, 'a');
  std::string long_name = "a";
  while (long_name.size() < 254) long_name += ".a";
  for (const auto& text : std::vector<std::string>{"",
                                                   ".",
                                                   "..",
                                                   "a..b",
                                                   ".a",
                                                   "a..",
                                                   "-a.example",
                                                   "a-.example",
                                                   "a_b.example",
                                                   "a b",
                                                   "*",
                                                   "*.",
                                                   "a.*.example",
                                                   "*a.example",
                                                   "**.example",
                                                   "192.0.2.1",
                                                   "a.1",
                                                   label64,
                                                   long_name,
                                                   "b\xc3\xbc"
                                                   "cher.example",
                                                   std::string("a\0b", 3)}) {
    EXPECT_FALSE(DomainName::parse(text)) << text;
  }
  EXPECT_TRUE(DomainName::parse(long_name.substr(0, 253)));
  EXPECT_TRUE(DomainName::parse(label64.substr(1)));
}

TEST(DomainName, covers_itself_or_what_is_below_its_wildcard) {
  struct Case {
    const char* name;
    const char* query;
    bool covered;
  };
  for (const auto& c : std::vector<Case>{{"a.example", "a.example", true},
                                         {"a.example", "b.a.example", false},
                                         {"*.a.example", "a.example", false},
                                         {"*.a.example", "b.a.example", true},
                                         {"*.a.example", "c.b.a.example", true},
                                         {"*.a.example", "ba.example", false},
                                         {"*.a.example", ".a.example", false},
                                         {"*.a.example", "xa.example", false}}) {
    EXPECT_EQ(DomainName::parse(c.name)->covers(c.query), c.covered) << c.name << " " << c.query;
  }
}

}  // namespace
}  // namespace sluice::traffic_rules
