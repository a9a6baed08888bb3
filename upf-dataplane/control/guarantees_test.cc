// Rates that the platform guarantees, from Mp2 to the packet.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "traffic-rules/json.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using testing::TestSite;

mp2::RuleEntry pass_to_port(const std::string& app, const std::string& id, uint16_t port) {
  const auto rule = traffic_rules::traffic_rule_from_json(
      {{"trafficRuleId", id},
       {"filterType", "FLOW"},
       {"priority", 1},
       {"trafficFilter", {{{"dstPort", {std::to_string(port)}}}}},
       {"action", "PASSTHROUGH"},
       {"state", "ACTIVE"}});
  return {app + "/" + id, app, port, rule.value()};
}

mp2::GuaranteeEntry of_app(const std::string& key, const std::string& app, uint64_t uplink_bps) {
  return {key, 1, uplink_bps, 0, app, {}};
}

mp2::GuaranteeEntry of_flow(const std::string& key, const nlohmann::json& flow, uint64_t uplink_bps,
                            uint64_t downlink_bps = 0, uint64_t order = 1) {
  return {key,          order, uplink_bps,
          downlink_bps, "app", {traffic_rules::traffic_filter_from_json(flow, "flow").value()}};
}

constexpr uint64_t kRate = 8'000'000;  // a bucket of it lets 15 of the packets here pass

class GuaranteesTest : public ::testing::Test {
 protected:
  GuaranteesTest() : teid_(site_.add_ue(2)) {}

  void set(std::vector<mp2::GuaranteeEntry> guarantees, std::vector<mp2::RuleEntry> rules = {},
           std::vector<mp2::DnsEntry> dns = {}) {
    mp2::Replace replace;
    replace.version = {"test", ++site_.generation};
    replace.rules = std::move(rules);
    replace.dns = std::move(dns);
    replace.guarantees = std::move(guarantees);
    const auto applied = site_.steering->apply(std::move(replace));
    ASSERT_TRUE(applied);
    EXPECT_EQ(applied->rejected, rejected_);
  }
  // How many of 30 packets of 1000 bytes are guaranteed; all pass.
  int uplink(uint16_t port) { return guaranteed(testing::kN3, uplink_frame(port)); }
  std::vector<uint8_t> uplink_frame(uint16_t port) const {
    return testing::eth(testing::kOwnMac, testing::kGnbMac)
        .ipv4("192.168.3.2", "192.168.3.1")
        .udp(2152, 2152)
        .gtpu(teid_.value(), 9)
        .ipv4("10.45.0.2", "198.51.100.7")
        .udp(4000, port)
        .payload(std::vector<uint8_t>(972))
        .frame();
  }
  int downlink(uint16_t port) {
    return guaranteed(testing::kN6, testing::eth(testing::kOwnMac, testing::kGatewayMac)
                                        .ipv4("198.51.100.7", "10.45.0.2")
                                        .udp(port, 4000)
                                        .payload(std::vector<uint8_t>(972))
                                        .frame());
  }
  int guaranteed(PortIndex port, const std::vector<uint8_t>& frame) {
    int count = 0;
    for (int i = 0; i < 30; ++i) {
      const auto outcome = site_.run(port, frame);
      EXPECT_EQ(outcome.verdict, Verdict::kSend) << to_string(outcome.drop);
      count += outcome.guaranteed ? 1 : 0;
    }
    return count;
  }
  uint64_t bytes(const std::string& key) const {
    for (const auto& status : site_.steering->status().guarantees) {
      if (status.key == key) return status.bytes;
    }
    return 0;
  }

  TestSite site_;
  Teid teid_;
  std::vector<mp2::Rejection> rejected_;  // what set() expects
};

TEST_F(GuaranteesTest, of_an_app_protect_what_its_rules_decide_up_to_the_rate) {
  set({of_app("a", "one", kRate)}, {pass_to_port("one", "a", 80), pass_to_port("two", "b", 81)});
  EXPECT_EQ(uplink(80), 15) << "15 ms of 8 Mb/s";
  EXPECT_EQ(uplink(81), 0) << "of another app";
  site_.clock.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(uplink(80), 10);
  EXPECT_EQ(bytes("a"), 60'000U);
}

TEST_F(GuaranteesTest, of_one_app_add_up_and_are_spent_together) {
  set({of_app("a", "one", kRate), of_app("b", "one", kRate)},
      {pass_to_port("one", "a", 80), pass_to_port("one", "b", 81)});
  EXPECT_EQ(uplink(80), 30) << "15 ms of 16 Mb/s";
  EXPECT_EQ(uplink(81), 0) << "spent by the other rule";
}

TEST_F(GuaranteesTest, of_an_app_protect_what_goes_where_its_names_lead) {
  const auto rule = traffic_rules::dns_rule_from_json({{"dnsRuleId", "n"},
                                                       {"domainName", "a.example"},
                                                       {"ipAddressType", "IP_V4"},
                                                       {"ipAddress", "198.51.100.7"},
                                                       {"state", "ACTIVE"}});
  auto both = of_app("a", "one", kRate);
  both.downlink_bps = kRate;
  set({both}, {}, {{"one/n", "one", 1, *rule}});
  EXPECT_EQ(uplink(80), 15);
  EXPECT_EQ(downlink(80), 15);
}

TEST_F(GuaranteesTest, of_a_flow_hold_whatever_rule_decides_it_and_in_both_directions) {
  set({of_flow("f", {{"srcAddress", {"10.45.0.2"}}, {"dstPort", {"80"}}}, kRate, kRate)});
  EXPECT_EQ(uplink(80), 15) << "no rule";
  EXPECT_EQ(downlink(80), 15);
  EXPECT_EQ(uplink(81), 0);
  EXPECT_EQ(downlink(81), 0);
  EXPECT_EQ(bytes("f"), 60'000U);
  site_.clock.advance(std::chrono::seconds(1));
  set({of_flow("f", {{"srcAddress", {"10.45.0.2"}}, {"dstPort", {"80"}}}, kRate, kRate)},
      {pass_to_port("other", "r", 80)});
  EXPECT_EQ(uplink(80), 15) << "a rule of another app";
}

TEST_F(GuaranteesTest, of_an_app_protect_what_its_flow_sends_beyond_its_own) {
  set({of_app("a", "one", kRate), of_flow("f", {{"dstPort", {"80"}}}, kRate)},
      {pass_to_port("one", "a", 80), pass_to_port("one", "b", 81)});
  EXPECT_EQ(uplink(80), 30) << "15 of the flow, 15 of the app";
  EXPECT_EQ(uplink(81), 0) << "spent";
  EXPECT_EQ(bytes("f"), 30'000U);
  EXPECT_EQ(bytes("a"), 45'000U) << "what the flow did not take, and the other port";
}

TEST_F(GuaranteesTest, count_nothing_of_a_direction_they_are_not_about) {
  set({of_app("a", "one", kRate)}, {pass_to_port("one", "a", 80)});
  EXPECT_EQ(downlink(80), 0);
  EXPECT_EQ(bytes("a"), 0U);
}

TEST_F(GuaranteesTest, are_not_spent_on_what_a_rule_drops) {
  auto drop = pass_to_port("one", "a", 80);
  drop.rule.action = traffic_rules::Action::kDrop;
  const auto flow = of_flow("f", {{"srcAddress", {"10.45.0.2"}}}, kRate);
  set({flow}, {drop});
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(site_.run(testing::kN3, uplink_frame(80)).drop, DropReason::kRuleDrop);
  }
  EXPECT_EQ(bytes("f"), 0U);
  EXPECT_EQ(uplink(81), 15);
}

TEST_F(GuaranteesTest, of_a_flow_precede_that_of_its_app_and_later_ones) {
  const nlohmann::json web = {{"dstPort", {"80"}}};
  set({of_app("a", "one", 2 * kRate), of_flow("f", web, kRate, 0, 2),
       of_flow("late", web, 2 * kRate, kRate, 3)},
      {pass_to_port("one", "a", 80)});
  EXPECT_EQ(uplink(80), 30) << "the earlier flow, then the app";
  EXPECT_EQ(bytes("late"), 0U);
  EXPECT_EQ(downlink(80), 15) << "the earlier one has nothing to say of this direction";
}

TEST_F(GuaranteesTest, remember_what_is_spent_when_the_set_changes_and_go_with_it) {
  const std::vector<mp2::RuleEntry> rules = {pass_to_port("one", "a", 80)};
  set({of_app("a", "one", kRate)}, rules);
  EXPECT_EQ(uplink(80), 15);
  set({of_app("a", "one", kRate)}, rules);
  EXPECT_EQ(uplink(80), 0);
  set({}, rules);
  site_.clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(uplink(80), 0);
}

TEST_F(GuaranteesTest, hold_for_flows_that_the_cache_knows) {
  set({of_flow("f", {{"dstPort", {"80"}}, {"protocol", {"UDP"}}}, kRate),
       of_flow("g", {{"srcPort", {"4001"}}}, kRate),
       of_flow("h", {{"dstAddress", {"198.51.100.8"}}}, kRate)});
  EXPECT_EQ(uplink(80), 15) << "three shapes: the first packet of the flow is remembered";
}

TEST_F(GuaranteesTest, are_rejected_when_they_cannot_be_kept) {
  rejected_ = {{mp2::RuleKind::kGuarantee, "t",
                "flows of guarantees are told by users' packets, not by their tunnels"}};
  set({of_flow("t", {{"srcTunnelAddress", {"192.168.3.2"}}}, kRate),
       of_flow("f", {{"dstPort", {"80"}}}, kRate)});
  EXPECT_EQ(uplink(80), 15) << "the others are kept";
}

TEST(GuaranteesRoom, is_the_oldest_ones_and_found_anew_with_each_table) {
  Guarantees guarantees(2);
  Networks networks;
  uint32_t counters = 0;
  const auto rejected = [&] {
    SteeringTableBuilder builder(networks);
    guarantees.add_to(builder, 1'000'000,
                      {.take = [&] { return counters++; }, .give_back = [](uint32_t) {}});
    std::vector<std::string> out;
    for (const auto& rejection : guarantees.rejections()) out.push_back(rejection.key);
    return out;
  };
  using Keys = std::vector<std::string>;
  const nlohmann::json flow = {{"dstPort", {"80"}}};
  for (const uint64_t order : {3U, 1U, 2U}) {
    guarantees.put(of_flow(std::to_string(order), flow, kRate, 0, order));
  }
  EXPECT_EQ(rejected(), Keys{"3"});
  guarantees.put(of_flow("3", flow, 2 * kRate, 0, 3));
  EXPECT_EQ(rejected(), Keys{"3"}) << "a change is no way round the bound";
  guarantees.remove("1");
  EXPECT_EQ(rejected(), Keys{}) << "what has room now is kept, though nobody asks again";
}

}  // namespace
}  // namespace sluice::upf
