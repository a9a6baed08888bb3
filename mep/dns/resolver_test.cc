#include "mep/dns/resolver.h"

#include <gmock/gmock.h>

#include <deque>

#include "mep/dns/test_messages.h"

namespace sluice::mep::dns {
namespace {

using testing::StartsWith;

traffic_rules::DnsRule rule(const char* name, const char* address, uint32_t ttl_s) {
  traffic_rules::DnsRule out;
  out.domain_name.value = *traffic_rules::DomainName::parse(name);
  out.ip_address.value = *IpAddress::parse(address);
  out.ttl_s = ttl_s;
  return out;
}

class FakeUpstreams final : public Upstreams {
 public:
  bool ask(const UpstreamQuestion& question, const IpAddress& /*client*/, Done done) override {
    if (full) return false;
    asked.push_back(question);
    waiting.push_back(std::move(done));
    return true;
  }
  void answer(const Told& told) {
    auto read = read_answer(response(told), asked.back().subnet);
    ASSERT_TRUE(read) << read.error().message;
    waiting.front()(std::make_shared<const Answer>(std::move(*read)));
    waiting.pop_front();
  }
  void fail_first() {
    waiting.front()(nullptr);
    waiting.pop_front();
  }

  bool full = false;
  std::vector<UpstreamQuestion> asked;
  std::deque<Done> waiting;
};

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    int order = 0;
    const auto add = [&](const char* name, const char* address, uint32_t ttl_s) {
      ++order;
      names_.put("app/" + std::to_string(order), static_cast<uint64_t>(order),
                 rule(name, address, ttl_s));
    };
    add("two.example", "192.0.2.1", 5);
    add("two.example", "192.0.2.2", 6);
    add("both.example", "192.0.2.3", 7);
    add("both.example", "2001:db8::3", 8);
    add("*.wild.example", "192.0.2.4", 9);
    add("own.wild.example", "192.0.2.5", 10);
    make({});
  }
  void make(SubnetPolicy subnets) {
    resolver_.emplace(names_, &upstreams_, clock_,
                      ResolverConfig{{*IpPrefix::parse("10.0.0.0/8")}, std::move(subnets), 100},
                      counters_);
  }
  // The response at once, or what comes later; empty: none yet.
  Message ask(const Message& message, Transport transport = Transport::kUdp,
              const char* client = "10.1.2.3") {
    Message out;
    later_.clear();
    const auto outcome =
        resolver_->handle(message, *IpAddress::parse(client), transport, out, [this] {
          return [this](Bytes response) { later_.assign(response.begin(), response.end()); };
        });
    return outcome == Resolver::Outcome::kAnswered ? out : Message{};
  }
  std::string ask(const Asked& asked) {
    const auto out = ask(query(asked));
    return out.empty() ? "waits" : shown(out);
  }

  ManualClock clock_;
  Counters counters_;
  NameTable names_;
  FakeUpstreams upstreams_;
  std::optional<Resolver> resolver_;
  Message later_;
};

TEST_F(ResolverTest, decides_by_name_and_type_as_the_data_path_does) {
  struct Case {
    const char* name;
    uint16_t type;
    const char* expected;
  };
  constexpr uint16_t kTxt = 16;
  for (const auto& c : std::vector<Case>{
           {"two.example", type::kA,
            "NOERROR | two.example. 5 IN A 192.0.2.1 | two.example. 6 IN A 192.0.2.2"},
           {"TWO.Example", type::kA,
            "NOERROR | TWO.Example. 5 IN A 192.0.2.1 | TWO.Example. 6 IN A 192.0.2.2"},
           {"two.example", type::kAaaa, "NOERROR"},
           {"both.example", type::kAaaa, "NOERROR | both.example. 8 IN AAAA 2001:db8::3"},
           {"both.example", type::kHttps, "NOERROR"},
           {"both.example", type::kSvcb, "NOERROR"},
           {"both.example", type::kAny, "NOERROR | both.example. 3600 IN HINFO \"RFC8482\" \"\""},
           {"other.example", type::kAny, "NOERROR | other.example. 3600 IN HINFO \"RFC8482\" \"\""},
           {"both.example", kTxt, "waits"},
           {"example", type::kA, "waits"},
           {"x.two.example", type::kA, "waits"},
           {"wild.example", type::kA, "waits"},
           {"a.wild.example", type::kA, "NOERROR | a.wild.example. 9 IN A 192.0.2.4"},
           {"b.a.wild.example", type::kA, "NOERROR | b.a.wild.example. 9 IN A 192.0.2.4"},
           {"own.wild.example", type::kA, "NOERROR | own.wild.example. 10 IN A 192.0.2.5"},
           {"xwild.example", type::kA, "waits"},
           {"two.example", type::kAxfr, "REFUSED"},
           {"two.example", type::kIxfr, "REFUSED"},
           {"two.example", type::kTkey, "REFUSED"},
           {"two.example", type::kOpt, "FORMERR"},
       }) {
    EXPECT_EQ(ask({.name = c.name, .type = c.type}), c.expected) << c.name << " " << c.type;
  }
}

TEST_F(ResolverTest, answers_what_is_wrong_with_a_query) {
  const auto good = query({.name = "two.example"});
  const auto edns = query({.name = "two.example", .edns = true});
  const auto with = [](Message bytes, size_t at, uint8_t value) {
    bytes[at] = value;
    return bytes;
  };
  auto trailing = good;
  trailing.push_back(0);
  auto two_opts = edns;
  two_opts.insert(two_opts.end(), edns.end() - 11, edns.end());
  two_opts[11] = 2;
  auto signature = edns;
  signature[edns.size() - 9] = 250;
  struct Case {
    const char* what;
    Message message;
    const char* expected;  // "": silence
  };
  for (const auto& c : std::vector<Case>{
           {"nothing", {}, ""},
           {"half a header", {good.begin(), good.begin() + 11}, ""},
           {"a response", with(good, 2, 0x81), ""},
           {"an update", with(good, 2, 0x29), "NOTIMPL"},
           {"two questions", with(good, 5, 2), "FORMERR"},
           {"no question", with(good, 5, 0), "FORMERR"},
           {"an answer inside", with(good, 7, 1), "FORMERR"},
           {"an authority inside", with(good, 9, 1), "FORMERR"},
           {"a missing additional record", with(good, 11, 1), "FORMERR"},
           {"bytes behind the question", trailing, "FORMERR"},
           {"a compressed question", with(good, 12, 0xc0), "FORMERR"},
           {"a label of 64 octets", with(good, 12, 64), "FORMERR"},
           {"cut short", {good.begin(), good.end() - 1}, "FORMERR"},
           {"class CH", with(good, good.size() - 1, 3), "REFUSED"},
           {"EDNS version 1", with(edns, edns.size() - 5, 1), "rcode 16 | edns 1232"},
           {"two OPT records", two_opts, "FORMERR | edns 1232"},
           {"a signature", signature, "FORMERR"},
           {"an OPT longer than the message", with(edns, edns.size() - 1, 9), "FORMERR"},
           {"an option that runs over its record",
            query({.edns = true, .options = {0, 10, 0, 9, 1}}), "FORMERR | edns 1232"},
           {"a client subnet with bits behind its prefix",
            query({.edns = true, .options = {0, 8, 0, 5, 0, 1, 4, 0, 0xff}}),
            "FORMERR | edns 1232"},
           {"a cookie",
            query({.name = "two.example",
                   .type = type::kAaaa,
                   .edns = true,
                   .options = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}}),
            "NOERROR | edns 1232"},
       }) {
    const auto out = ask(c.message);
    EXPECT_EQ(out.empty() ? "" : shown(out), c.expected) << c.what;
  }
}

TEST_F(ResolverTest, keeps_id_question_and_flags) {
  auto message = query({.name = "bOth.example", .edns = true, .dnssec_ok = true});
  message[3] |= 0x10;  // CD
  const auto out = ask(message);
  EXPECT_EQ(shown(out), "NOERROR | bOth.example. 7 IN A 192.0.2.3 | edns 1232 do");
  EXPECT_TRUE(std::equal(message.begin(), message.begin() + 2, out.begin()));
  EXPECT_EQ(out[2], 0x81);  // QR, RD as it came
  EXPECT_EQ(out[3], 0x90);  // RA, CD as it came
}

TEST_F(ResolverTest, refuses_strangers_in_no_more_octets_than_they_sent_and_not_for_ever) {
  const auto message = query({.name = "two.example", .edns = true});
  const auto out = ask(message, Transport::kUdp, "192.0.2.77");
  EXPECT_EQ(shown(out), "REFUSED");
  EXPECT_LE(out.size(), message.size());
  int refusals = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!ask(message, Transport::kUdp, "192.0.2.77").empty()) ++refusals;
  }
  EXPECT_EQ(refusals, 99);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_FALSE(ask(message, Transport::kUdp, "192.0.2.77").empty());
}

TEST_F(ResolverTest, without_recursion_desired_only_rules_are_answered) {
  EXPECT_EQ(ask({.name = "two.example", .type = type::kAaaa, .recursive = false}), "NOERROR");
  EXPECT_EQ(ask({.name = "other.example", .recursive = false}), "REFUSED");
}

TEST_F(ResolverTest, rules_that_are_not_usable_are_as_if_they_were_not_there) {
  names_.set_usable("app/6", false);
  EXPECT_EQ(ask({.name = "own.wild.example"}), "NOERROR | own.wild.example. 9 IN A 192.0.2.4");
  names_.set_usable("app/5", false);
  EXPECT_EQ(ask({.name = "own.wild.example"}), "waits");
  names_.set_usable("app/6", true);
  EXPECT_EQ(ask({.name = "own.wild.example"}), "NOERROR | own.wild.example. 10 IN A 192.0.2.5");
  names_.remove("app/3");
  names_.remove("app/4");
  EXPECT_EQ(ask({.name = "both.example"}), "waits");
}

TEST_F(ResolverTest, answers_from_upstream_fit_the_client_that_asked) {
  EXPECT_EQ(ask({.name = "wWw.example", .edns = true, .dnssec_ok = true}), "waits");
  ASSERT_EQ(upstreams_.asked.size(), 1U);
  EXPECT_EQ(upstreams_.asked[0].name, std::string("\3www\7example\0", 13));
  EXPECT_TRUE(upstreams_.asked[0].dnssec_ok);
  upstreams_.answer({.name = "www.example", .answers = {"www.example. 60 IN A 192.0.2.9"}});
  EXPECT_EQ(shown(later_), "NOERROR | wWw.example. 60 IN A 192.0.2.9 | edns 1232 do");
  EXPECT_EQ(later_[0], 0xbe);
}

TEST_F(ResolverTest, keeps_answers_until_their_ttl_and_counts_it_down) {
  ask({.name = "www.example"});
  upstreams_.answer(
      {.name = "www.example",
       .answers = {"www.example. 60 IN CNAME x.example.", "x.example. 40 IN A 192.0.2.9"}});
  clock_.advance(std::chrono::seconds(39));
  EXPECT_EQ(ask({.name = "WWW.example"}),
            "NOERROR | WWW.example. 21 IN CNAME x.example. | x.example. 1 IN A 192.0.2.9");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(ask({.name = "www.example"}), "waits");
}

TEST_F(ResolverTest, keeps_negative_answers_as_their_soa_says) {
  constexpr auto kSoa = "example. 300 IN SOA ns.example. a.example. 1 2 3 4 40";
  struct Case {
    const char* what;
    Told told;
    int kept_s;
  };
  for (const auto& c : std::vector<Case>{
           {"NXDOMAIN", {.rcode = 3, .authority = {kSoa}}, 40},
           {"NODATA", {.authority = {kSoa}}, 40},
           {"NXDOMAIN behind a CNAME",
            {.rcode = 3, .answers = {"a.example. 20 IN CNAME b.example."}, .authority = {kSoa}},
            20},
           {"no SOA", {.rcode = 3}, 0},
           {"TTL 0", {.answers = {"a.example. 0 IN A 192.0.2.1"}}, 0},
           {"SERVFAIL", {.rcode = 2}, 0},
           {"a TTL of years", {.answers = {"a.example. 99999999 IN A 192.0.2.1"}}, 86'400},
       }) {
    const auto answer = read_answer(response(c.told), {});
    ASSERT_TRUE(answer) << c.what;
    EXPECT_EQ(answer->lifetime.count(), c.kept_s) << c.what;
  }
}

TEST_F(ResolverTest, a_name_with_a_rule_exists_whatever_upstream_says) {
  constexpr uint16_t kTxt = 16;
  ask({.name = "two.example", .type = kTxt});
  upstreams_.answer({.name = "two.example", .type = kTxt, .rcode = 3});
  EXPECT_EQ(shown(later_), "NOERROR");
}

TEST_F(ResolverTest, fails_when_nobody_answers_or_too_many_ask) {
  ask({.name = "www.example"});
  upstreams_.fail_first();
  EXPECT_EQ(shown(later_), "SERVFAIL");
  upstreams_.full = true;
  EXPECT_EQ(ask({.name = "www.example"}), "SERVFAIL");
}

TEST_F(ResolverTest, cuts_off_what_does_not_fit_and_gives_all_of_it_over_tcp) {
  std::vector<std::string> lines;
  Told told{.name = "big.example"};
  for (int i = 1; i <= 100; ++i) {
    lines.push_back("big.example. 60 IN A 192.0.2." + std::to_string(i));
  }
  for (const auto& line : lines) told.answers.push_back(line.c_str());
  ask({.name = "big.example"});
  upstreams_.answer(told);
  EXPECT_EQ(shown(later_), "NOERROR tc");
  EXPECT_EQ(ask({.name = "big.example", .edns = true, .payload = 4096}), "NOERROR tc | edns 1232");
  const auto whole = ask(query({.name = "big.example"}), Transport::kTcp);
  EXPECT_GT(whole.size(), 1600U);
  EXPECT_THAT(shown(whole), StartsWith("NOERROR | big.example. 60 IN A 192.0.2.1 |"));
}

TEST_F(ResolverTest, gives_a_client_subnet_back_with_the_scope_of_the_answer) {
  make({.ipv4_bits = 24, .ipv6_bits = 56});
  const auto subnet = ClientSubnet::of(*IpAddress::parse("198.51.100.77"), 32);
  const Asked asked{.edns = true, .options = option(subnet)};
  ask(asked);
  auto told = ClientSubnet::of(*IpAddress::parse("198.51.100.0"), 24);
  EXPECT_EQ(upstreams_.asked.back().subnet, told);
  told.scope = 20;
  upstreams_.answer({.answers = {"a.example. 60 IN A 192.0.2.1"}, .options = option(told)});
  auto expected = subnet;
  expected.scope = 20;
  const auto tail = option(expected);
  ASSERT_GT(later_.size(), tail.size());
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), later_.end() - static_cast<long>(tail.size())));
  // Another subnet is another question.
  EXPECT_EQ(ask({.name = "a.example"}), "waits");
}

TEST(ReadAnswer, refuses_answers_for_another_subnet_and_what_cannot_be_read) {
  const auto told = ClientSubnet::of(*IpAddress::parse("198.51.100.0"), 24);
  const auto other = ClientSubnet::of(*IpAddress::parse("198.51.101.0"), 24);
  EXPECT_TRUE(read_answer(response({.options = option(told)}), told));
  EXPECT_TRUE(read_answer(response({}), told));
  EXPECT_TRUE(read_answer(response({.options = option(other)}), {}));
  EXPECT_FALSE(read_answer(response({.options = option(other)}), told));
  auto cut = response({.answers = {"a.example. 60 IN A 192.0.2.1"}});
  for (size_t size = 0; size < cut.size(); ++size) {
    EXPECT_FALSE(read_answer(Bytes(cut).first(size), told)) << size;
  }
}

}  // namespace
}  // namespace sluice::mep::dns
