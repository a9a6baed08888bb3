#include "upf-dataplane/dns/dns_responder.h"

#include <gtest/gtest.h>

#include "upf-dataplane/testing/frame_builder.h"

namespace sluice::upf {
namespace {

using Bytes = std::vector<uint8_t>;
using testing::dns_query;

constexpr uint16_t kA = 1;
constexpr uint16_t kTxt = 16;
constexpr uint16_t kAaaa = 28;
constexpr uint16_t kHttps = 65;
constexpr uint16_t kAny = 255;

DnsTable make_table() {
  DnsTable table;
  const auto add = [&](const char* name, const char* address, uint32_t ttl) {
    EXPECT_TRUE(
        table.add(*traffic_rules::DomainName::parse(name), {*IpAddress::parse(address), ttl, 0}));
  };
  add("two.example", "192.0.2.1", 5);
  add("two.example", "192.0.2.2", 6);
  add("both.example", "192.0.2.3", 7);
  add("both.example", "2001:db8::3", 8);
  add("*.wild.example", "192.0.2.4", 9);
  add("own.wild.example", "192.0.2.5", 10);
  add("*.deep.wild.example", "192.0.2.6", 11);
  return table;
}

struct Reply {
  bool answered = false;
  int answers = 0;
  Bytes message;
};

Reply ask(Bytes query, size_t room = 512) {
  static const DnsTable table = make_table();
  const size_t length = query.size();
  query.resize(length + room);
  const auto answer = answer_dns(query, length, table);
  if (!answer) return {};
  query.resize(answer->bytes);
  return {true, query[7], query};
}

TEST(DnsResponder, decides_by_name_and_type) {
  struct Case {
    const char* name;
    uint16_t type;
    int answers;  // -1: passes to the resolver
  };
  for (const auto& c : std::vector<Case>{
           {"two.example", kA, 2},
           {"TWO.Example", kA, 2},
           {"two.example", kAaaa, 0},
           {"both.example", kAaaa, 1},
           {"both.example", kHttps, 0},
           {"both.example", kTxt, -1},
           {"both.example", kAny, -1},
           {"example", kA, -1},
           {"x.two.example", kA, -1},
           {"wild.example", kA, -1},
           {"a.wild.example", kA, 1},
           {"b.a.wild.example", kA, 1},
           {"own.wild.example", kA, 1},
           {"x.deep.wild.example", kA, 1},
           {"xwild.example", kA, -1},
       }) {
    const auto reply = ask(dns_query(1, c.name, c.type));
    EXPECT_EQ(reply.answered ? reply.answers : -1, c.answers) << c.name << " " << c.type;
  }
}

TEST(DnsResponder, prefers_the_closest_name) {
  const auto last_byte = [](const char* name) {
    return ask(dns_query(1, name, kA)).message.back();
  };
  EXPECT_EQ(last_byte("a.wild.example"), 4);
  EXPECT_EQ(last_byte("own.wild.example"), 5);
  EXPECT_EQ(last_byte("y.x.deep.wild.example"), 6);
}

TEST(DnsResponder, keeps_id_question_flags_and_edns) {
  auto query = dns_query(0xbeef, "both.Example", kAaaa, true);
  query[3] |= 0x10;  // CD
  const auto reply = ask(query);
  ASSERT_TRUE(reply.answered);
  auto expected = Bytes(query.begin(), query.end() - 11);
  expected[2] = 0x81;  // QR, RD as it came
  expected[3] = 0x90;  // RA, CD as it came
  expected[7] = 1;     // answers
  const Bytes tail = {0xc0, 12,   0,    28, 0,  1,    0,    0, 0, 8,    0, 16, 0x20,
                      0x01, 0x0d, 0xb8, 0,  0,  0,    0,    0, 0, 0,    0, 0,  0,
                      0,    3,    0,    0,  41, 0x04, 0xd0, 0, 0, 0x80, 0, 0,  0};
  expected.insert(expected.end(), tail.begin(), tail.end());
  EXPECT_EQ(reply.message, expected) << testing::hex(reply.message);
}

TEST(DnsResponder, leaves_alone_what_is_not_a_plain_query) {
  const auto good = dns_query(1, "two.example", kA);
  const auto edns = dns_query(1, "two.example", kA, true);
  struct Case {
    const char* what;
    Bytes query;
  };
  const auto with = [](Bytes bytes, size_t at, uint8_t value) {
    bytes[at] = value;
    return bytes;
  };
  auto trailing = good;
  trailing.push_back(0);
  auto pointer = good;
  pointer[12] = 0xc0;
  for (const auto& c : std::vector<Case>{
           {"a response", with(good, 2, 0x81)},
           {"an update", with(good, 2, 0x29)},
           {"a truncated message", with(good, 2, 0x03)},
           {"two questions", with(good, 5, 2)},
           {"an answer inside", with(good, 7, 1)},
           {"an authority inside", with(good, 9, 1)},
           {"class CH", with(good, good.size() - 1, 3)},
           {"EDNS version 1", with(edns, edns.size() - 5, 1)},
           {"an additional record that is not OPT", with(edns, edns.size() - 9, 40)},
           {"an OPT longer than the message", with(edns, edns.size() - 1, 9)},
           {"two additional records", with(edns, 11, 2)},
           {"bytes behind the question", trailing},
           {"a compressed question", pointer},
           {"nothing", {}},
       }) {
    EXPECT_FALSE(ask(c.query).answered) << c.what;
  }
  for (size_t length = 0; length < edns.size(); ++length) {
    EXPECT_FALSE(ask(Bytes(edns.begin(), edns.begin() + static_cast<long>(length))).answered)
        << length;
  }
}

TEST(DnsResponder, needs_room_for_its_answer) {
  EXPECT_FALSE(ask(dns_query(1, "two.example", kA), 31).answered);
  EXPECT_TRUE(ask(dns_query(1, "two.example", kA), 32).answered);
}

TEST(DnsTable, bounds_the_addresses_of_a_name) {
  DnsTable table;
  const auto name = *traffic_rules::DomainName::parse("many.example");
  for (size_t i = 0; i < DnsTable::kMaxAddresses; ++i) {
    EXPECT_TRUE(table.add(name, {Ipv4Address(static_cast<uint32_t>(i + 1)), 1, 0}));
  }
  EXPECT_FALSE(table.add(name, {Ipv4Address(99), 1, 0}));
  EXPECT_TRUE(table.add(name, {*IpAddress::parse("2001:db8::1"), 1, 0}));
}

}  // namespace
}  // namespace sluice::upf
