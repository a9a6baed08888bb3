#include "mep/dns/client_subnet.h"

#include <gtest/gtest.h>

#include "mep/dns/answer_cache.h"
#include "mep/dns/endpoint.h"
#include "mep/dns/upstream_attempt.h"

namespace sluice::mep::dns {
namespace {

std::string text(const std::optional<ClientSubnet>& subnet) {
  if (!subnet) return "nothing";
  const auto& a = subnet->address;
  const IpAddress address = subnet->family == 1 ? IpAddress(Ipv4Address::from_bytes(a.data()))
                                                : IpAddress(Ipv6Address(a));
  return address.to_string() + "/" + std::to_string(subnet->source);
}

std::optional<ClientSubnet> asked(const char* prefix) {
  if (prefix == nullptr) return std::nullopt;
  const auto parsed = *IpPrefix::parse(prefix);
  return ClientSubnet::of(parsed.address(), parsed.length());
}

TEST(SubnetPolicy, tells_no_more_than_configured_and_wished) {
  const SubnetPolicy off;
  const SubnetPolicy both{.ipv4_bits = 24, .ipv6_bits = 56};
  const SubnetPolicy only_v6{.ipv6_bits = 48};
  const SubnetPolicy odd{.ipv4_bits = 13};
  const SubnetPolicy site{.site = {*IpPrefix::parse("203.0.113.0/25")}};
  struct Case {
    const char* what;
    const SubnetPolicy& policy;
    const char* client;
    const char* asked;
    const char* expected;
  };
  for (const auto& c : std::vector<Case>{
           {"off", off, "198.51.100.7", nullptr, "nothing"},
           {"off, and asked for", off, "198.51.100.7", "198.51.100.7/32", "nothing"},
           {"the client's own address", both, "198.51.100.7", nullptr, "198.51.100.0/24"},
           {"IPv6", both, "2001:db8:1:2ff::7", nullptr, "2001:db8:1:200::/56"},
           {"the family is not told", only_v6, "198.51.100.7", nullptr, "nothing"},
           {"inside an octet", odd, "198.255.100.7", nullptr, "198.248.0.0/13"},
           {"loopback", both, "127.0.0.1", nullptr, "nothing"},
           {"link-local", both, "fe80::1", nullptr, "nothing"},
           {"of somebody behind the client", both, "10.0.0.1", "198.51.100.7/32",
            "198.51.100.0/24"},
           {"shorter than configured", both, "10.0.0.1", "198.51.0.0/16", "198.51.0.0/16"},
           {"wished untold", both, "198.51.100.7", "0.0.0.0/0", "0.0.0.0/0"},
           {"wished untold, IPv6", both, "198.51.100.7", "::/0", "::/0"},
           {"the site's", site, "10.0.0.1", nullptr, "203.0.113.0/25"},
           {"the site's for the other family", site, "fd00::1", nullptr, "203.0.113.0/25"},
           {"the site's instead of the wished", site, "10.0.0.1", "198.51.100.0/24",
            "203.0.113.0/25"},
           {"wished untold beats the site's", site, "10.0.0.1", "0.0.0.0/0", "0.0.0.0/0"},
       }) {
    const auto subnet = c.policy.to_forward(*IpAddress::parse(c.client), asked(c.asked));
    EXPECT_EQ(text(subnet), c.expected) << c.what;
  }
}

TEST(ClientSubnet, is_read_strictly) {
  using Data = std::vector<uint8_t>;
  struct Case {
    const char* what;
    Data data;
    bool good;
  };
  for (const auto& c : std::vector<Case>{
           {"/24", {0, 1, 24, 0, 198, 51, 100}, true},
           {"/20", {0, 1, 20, 0, 198, 51, 96}, true},
           {"/0", {0, 1, 0, 0}, true},
           {"/0 of no family", {0, 0, 0, 0}, true},
           {"too short", {0, 1, 24}, false},
           {"octets missing", {0, 1, 24, 0, 198, 51}, false},
           {"an octet too many", {0, 1, 24, 0, 198, 51, 100, 0}, false},
           {"bits behind the prefix", {0, 1, 20, 0, 198, 51, 100}, false},
           {"longer than an address", {0, 1, 33, 0, 1, 2, 3, 4, 0}, false},
           {"an unknown family", {0, 3, 8, 0, 1}, false},
       }) {
    EXPECT_EQ(read_client_subnet(c.data).has_value(), c.good) << c.what;
  }
}

TEST(AnswerCache, forgets_the_least_recently_used) {
  AnswerCache cache(2);
  const auto answer = [] {
    Answer out;
    out.lifetime = std::chrono::seconds(10);
    return std::make_shared<const Answer>(out);
  };
  const AnswerCache::TimePoint now{};
  cache.keep("a", answer(), now);
  cache.keep("b", answer(), now);
  EXPECT_TRUE(cache.find("a", now).answer);
  cache.keep("c", answer(), now);
  EXPECT_TRUE(cache.find("a", now).answer);
  EXPECT_FALSE(cache.find("b", now).answer);
  EXPECT_EQ(cache.find("c", now + std::chrono::seconds(9)).age, std::chrono::seconds(9));
  EXPECT_FALSE(cache.find("c", now + std::chrono::seconds(10)).answer);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(Endpoint, reads_addresses_with_and_without_port) {
  struct Case {
    const char* text;
    const char* expected;  // "": refused
  };
  for (const auto& c : std::vector<Case>{
           {"192.0.2.1", "192.0.2.1:53"},
           {"192.0.2.1:5353", "192.0.2.1:5353"},
           {"2001:db8::1", "[2001:db8::1]:53"},
           {"[2001:db8::1]", "[2001:db8::1]:53"},
           {"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
           {"192.0.2.1:", ""},
           {"192.0.2.1:0", ""},
           {"192.0.2.1:65536", ""},
           {"192.0.2.1:53x", ""},
           {"[2001:db8::1", ""},
           {"[2001:db8::1]53", ""},
           {"localhost", ""},
           {"", ""},
       }) {
    const auto endpoint = Endpoint::parse(c.text);
    EXPECT_EQ(endpoint ? endpoint->to_string() : "", c.expected) << c.text;
  }
}

TEST(UpstreamResponse, must_fit_the_question_to_the_letter) {
  using Message = std::vector<uint8_t>;
  const Message query = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
  auto good = query;
  good[2] = 0x81;
  const auto with = [&](size_t at, uint8_t value) {
    auto out = good;
    out[at] = value;
    return out;
  };
  EXPECT_TRUE(is_response_to(good, query));
  EXPECT_FALSE(is_response_to(query, query));
  EXPECT_FALSE(is_response_to(with(1, 3), query)) << "id";
  EXPECT_FALSE(is_response_to(with(2, 0x91), query)) << "opcode";
  EXPECT_FALSE(is_response_to(with(13, 'A'), query)) << "case of the name";
  EXPECT_FALSE(is_response_to(with(16, 28), query)) << "type";
  EXPECT_FALSE(is_response_to(with(5, 2), query)) << "two questions";
  EXPECT_FALSE(is_response_to(Bytes(good).first(18), query)) << "cut short";
  auto error = with(5, 0);
  EXPECT_FALSE(is_response_to(error, query)) << "no question";
  error[3] = 1;
  EXPECT_TRUE(is_response_to(error, query)) << "FORMERR without the question";
}

}  // namespace
}  // namespace sluice::mep::dns
