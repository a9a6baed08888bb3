// Usage records, from packets to lines.
#include "upf-dataplane/control/usage_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"

namespace sluice::upf {
namespace {

using namespace testing;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string drop(const char* id, const char* port) {
  return fmt::format(
      R"({{"trafficRuleId": "{}", "filterType": "FLOW", "priority": 1, "trafficFilter":
           [{{"dstPort": ["{}"]}}], "action": "DROP", "state": "ACTIVE"}})",
      id, port);
}

class UsageRecordsTest : public ::testing::Test {
 protected:
  UsageRecordsTest()
      : records(
            "run", {&recorder},
            [this](uint32_t slot, uint32_t serial) {
              const auto holder = site.sessions->holder(slot, serial);
              return holder ? user(*holder) : UsageRecords::User();
            },
            site.clock) {
    site.steering->tell_of_counters(
        [this](uint32_t counter, const std::string& key) { records.rule_counts(counter, key); });
    site.pipeline->record_usage(&recorder);
    site.sessions->tell_of_ends(
        [this](Seid gone, uint32_t serial) { records.session_ends(serial, user(gone)); });
    add(2);
  }
  ~UsageRecordsTest() override {
    site.sessions->tell_of_ends({});
    site.steering->tell_of_counters({});
  }

  static UsageRecords::User user(Seid of) {
    return {.seid = of, .addresses = {fmt::format("ue of {}", of.value() & 0xffff)}};
  }
  void add(uint32_t ue) {
    const SessionSpec spec = site.ue_session(ue);
    ASSERT_TRUE(site.sessions->install(spec));
    site.answer(kN3, "192.168.3.2", kGnbMac);
    teid = spec.pdrs.at(PdrId(1)).f_teid->teid;
    seid = spec.seid;
  }
  void send(uint16_t port, uint32_t ue = 2) {
    site.run(kN3, eth(kOwnMac, kGnbMac)
                      .ipv4("192.168.3.2", "192.168.3.1")
                      .udp(2152, 2152)
                      .gtpu(teid.value(), 9)
                      .ipv4(TestSite::ue_v4(ue).to_string(), "203.0.113.10")
                      .udp(4000, port)
                      .payload("12345678")
                      .frame());
  }
  // The records of a turn that ends now.
  std::vector<json> turn() {
    site.clock.advance(UsageRecords::kTurn);
    std::vector<json> out;
    std::istringstream lines(records.turn());
    for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line));
    recorder.begin_round();
    return out;
  }

  TestSite site;
  UsageRecorder recorder{1024};
  UsageRecords records;
  Teid teid;
  Seid seid;
};

TEST_F(UsageRecordsTest, tell_who_used_which_rule_when) {
  site.set_rules({drop("a", "80"), drop("b", "81")});
  const auto start = site.clock.wall();
  for (int i = 0; i < 3; ++i) send(80);
  send(81);
  send(82);  // no rule's
  site.run(kN6, eth(kOwnMac, kGatewayMac)
                    .ipv4("203.0.113.10", "10.45.0.2")
                    .udp(80, 4000)
                    .payload("1234")
                    .frame());
  EXPECT_THAT(turn(), IsEmpty()) << "this turn's are the next one's";
  const auto end = site.clock.wall();
  const auto written = turn();
  ASSERT_THAT(written, SizeIs(2));
  const auto ms = [](auto time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  };
  EXPECT_EQ(written[0], (json{{"run", "run"},
                              {"number", 1},
                              {"start", ms(start)},
                              {"end", ms(end)},
                              {"appInstanceId", "app"},
                              {"ruleId", "a"},
                              {"ue", user(seid).addresses},
                              {"seid", fmt::format("{:#x}", seid.value())},
                              {"uplinkPackets", 3},
                              {"uplinkBytes", 3 * 36},
                              {"downlinkPackets", 1},
                              {"downlinkBytes", 32}}));
  EXPECT_EQ(written[1]["ruleId"], "b");
  EXPECT_EQ(written[1]["number"], 2);
  EXPECT_THAT(turn(), IsEmpty());
}

TEST_F(UsageRecordsTest, stretches_join_without_overlapping) {
  site.set_rules({drop("a", "80")});
  std::vector<json> all;
  for (int i = 0; i < 4; ++i) {
    send(80);
    for (auto& record : turn()) all.push_back(record);
  }
  ASSERT_THAT(all, SizeIs(3));
  for (size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i]["start"], all[i - 1]["end"]);
}

TEST_F(UsageRecordsTest, sessions_and_rules_that_are_gone_keep_their_names) {
  site.set_rules({drop("a", "80")});
  turn();
  send(80);
  const Seid gone = seid;
  site.sessions->remove(gone);
  site.grace_period();
  add(3);  // in the slot of the one that is gone
  send(80, 3);
  turn();
  site.set_rules({});
  const auto written = turn();
  ASSERT_THAT(written, SizeIs(2)) << "told apart, though in one slot";
  EXPECT_THAT((std::vector{written[0]["ue"], written[1]["ue"]}),
              ElementsAre(user(gone).addresses, user(seid).addresses));
  for (const auto& record : written) EXPECT_EQ(record["ruleId"], "a");
}

TEST_F(UsageRecordsTest, a_session_that_is_modified_stays_the_same) {
  site.set_rules({drop("a", "80")});
  send(80);
  SessionSpec spec = site.ue_session(2);
  spec.seid = seid;
  spec.pdrs.at(PdrId(1)).f_teid->teid = teid;
  ASSERT_TRUE(site.sessions->install(spec));
  send(80);
  turn();
  const auto written = turn();
  ASSERT_THAT(written, SizeIs(1));
  EXPECT_EQ(written[0]["uplinkPackets"], 2);
}

}  // namespace
}  // namespace sluice::upf
