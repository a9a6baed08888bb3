#include "bandwidth/allocation.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace sluice::bandwidth {
namespace {

using nlohmann::json;

json of_app(const std::string& direction = "10") {
  return {{"appInsId", "app"},
          {"requestType", 0},
          {"fixedAllocation", "5000000"},
          {"allocationDirection", direction}};
}
json of_session(json filter, const std::string& direction = "10") {
  auto out = of_app(direction);
  out["requestType"] = 1;
  out["sessionFilter"] = json::array({std::move(filter)});
  return out;
}

TEST(Allocation, a_direction_says_which_rates_are_asked_for) {
  for (const auto& [word, up, down] : std::vector<std::tuple<std::string, uint64_t, uint64_t>>{
           {"00", 0, 5'000'000}, {"01", 5'000'000, 0}, {"10", 5'000'000, 5'000'000}}) {
    const auto allocation = allocation_from_json(of_app(word)).value();
    EXPECT_EQ(allocation.uplink_bps(), up) << word;
    EXPECT_EQ(allocation.downlink_bps(), down) << word;
  }
}

TEST(Allocation, keeps_whole_kilobits_free) {
  auto body = of_app();
  body["fixedAllocation"] = "1001";
  const auto allocation = allocation_from_json(body).value();
  EXPECT_EQ(allocation.uplink_bps(), 2'000U);
  EXPECT_EQ(allocation.downlink_bps(), 2'000U);
  EXPECT_EQ(bw_info("id", allocation)["fixedAllocation"], "1001");
}

TEST(Allocation, comes_back_from_the_store_and_to_clients_as_it_was_written) {
  auto body = of_session({{"sourceIp", "10.45.0.2/32"}, {"dstPort", {"554"}}});
  body["appName"] = "cameras";
  body["fixedBWPriority"] = "SEE_DESCRIPTION";
  auto allocation = allocation_from_json(body).value();
  allocation.order = 7;
  allocation.changed = notify::WallTime(std::chrono::milliseconds(1'700'000'000'250));
  body["allocationId"] = "id";
  body["timeStamp"] = {{"seconds", 1'700'000'000}, {"nanoSeconds", 250'000'000}};
  EXPECT_EQ(bw_info("id", allocation), body);
  const auto again = stored_allocation(to_json(allocation)).value();
  EXPECT_EQ(bw_info("id", again), body);
  EXPECT_EQ(again.order, 7U);
  EXPECT_EQ(again.boxes, allocation.boxes);
}

TEST(Allocation, what_cannot_be_meant_is_named) {
  struct Case {
    json body;
    std::string error;
  };
  auto without_filter = of_app();
  without_filter["requestType"] = 1;
  auto with_filter = of_session({{"sourceIp", "10.45.0.2"}});
  with_filter["requestType"] = 0;
  auto second_is_wrong = of_session({{"sourceIp", "10.45.0.2"}});
  second_is_wrong["sessionFilter"].push_back(
      {{"sourceIp", "10.45.0.2"}, {"dstAddress", "fd00::1"}});
  for (const auto& [body, error] : std::vector<Case>{
           {without_filter, "sessionFilter: is required with requestType 1"},
           {with_filter, "sessionFilter: belongs to requestType 1"},
           {of_session({{"dstPort", "80"}}),
            "sessionFilter[0]: names no session: sourceIp, dstAddress or both are needed"},
           {of_session({{"sourceIp", "10.45.0"}}), "sessionFilter[0].sourceIp: "},
           {of_session({{"sourceIp", "10.45.0.2"}, {"dstPort", "http"}}),
            "sessionFilter[0].dstPort: "},
           {of_session({{"sourceIp", "10.45.0.2"}, {"protocol", "nonsense"}}),
            "sessionFilter[0].protocol: "},
           {second_is_wrong, "sessionFilter[1]: matches no packet"},
           {of_session({{"sourceIp", "10.45.0.2"}, {"dstPort", "80"}, {"protocol", "1"}}),
            "sessionFilter[0]: matches no packet"},
           // More than a session.
           {of_session({{"sourceIp", "0.0.0.0/0"}}),
            "sessionFilter[0].sourceIp: '0.0.0.0/0' is a range, a session has one"},
           {of_session({{"dstAddress", "::/0"}}), "sessionFilter[0].dstAddress: '::/0' is a range"},
           {of_session({{"sourceIp", "10.45.0.2"}, {"dstAddress", "198.51.100.0/24"}}),
            "sessionFilter[0].dstAddress: '198.51.100.0/24' is a range"},
           {of_session({{"sourceIp", "10.45.0.2-10.45.0.3"}}), "sessionFilter[0].sourceIp: '"},
           {of_session({{"sourceIp", "10.45.0.2"}, {"dstPort", "8000-8001"}}),
            "sessionFilter[0].dstPort: '8000-8001' is a range"},
           {of_session({{"sourceIp", "10.45.0.2"}, {"sourcePort", {"80", "81"}}}),
            "sessionFilter[0].sourcePort: lists 2 values, a session has one"},
       }) {
    const auto allocation = allocation_from_json(body);
    ASSERT_FALSE(allocation) << body;
    EXPECT_THAT(allocation.error().to_string(), testing::StartsWith(error));
  }
}

TEST(Allocation, sessions_are_shared_whichever_end_is_named_first) {
  const auto session = [](json filter, const std::string& direction = "10") {
    return allocation_from_json(of_session(std::move(filter), direction)).value();
  };
  const auto camera = session({{"sourceIp", "10.45.0.2"}, {"dstPort", "554"}});
  struct Case {
    Allocation other;
    bool shared;
  };
  for (const auto& [other, shared] : std::vector<Case>{
           {session({{"sourceIp", "10.45.0.2"}}), true},
           {session({{"dstAddress", "10.45.0.2"}, {"sourcePort", "554"}}), true},
           {session({{"sourceIp", "10.45.0.2"}, {"dstAddress", "198.51.100.7"}}), true},
           {session({{"sourceIp", "198.51.100.7"}, {"dstAddress", "10.45.0.2"}}), true},
           {session({{"sourceIp", "10.45.0.2"}, {"dstPort", "80"}}), false},
           {session({{"sourceIp", "10.45.0.3"}, {"dstAddress", "198.51.100.7"}}), false},
           {session({{"sourceIp", "10.45.0.3"}, {"dstPort", "554"}}), false},
           {session({{"dstAddress", "198.51.100.7"}}), false},
           {session({{"sourceIp", "198.51.100.7"}}), false},
           {allocation_from_json(of_app()).value(), false},
       }) {
    EXPECT_EQ(share_a_session(camera, other), shared) << bw_info("", other);
    EXPECT_EQ(share_a_session(other, camera), shared) << bw_info("", other);
  }
  EXPECT_FALSE(share_a_session(session({{"sourceIp", "10.45.0.2"}}, "00"),
                               session({{"sourceIp", "10.45.0.2"}}, "01")));
}

TEST(Allocation, deltas_replace_what_they_name) {
  const auto before =
      bw_info("id", allocation_from_json(of_session({{"sourceIp", "10.45.0.2"}}, "00")).value());
  auto more = with_deltas(before, {{"fixedAllocation", "9"}, {"requestType", 1}});
  EXPECT_EQ(more["fixedAllocation"], "9");
  EXPECT_EQ(more["sessionFilter"], before["sessionFilter"]);
  EXPECT_EQ(more["allocationDirection"], "00");
  EXPECT_FALSE(with_deltas(before, {{"requestType", 0}}).contains("sessionFilter"));
  EXPECT_EQ(with_deltas(before, {{"requestType", 1}, {"appName", 5}, {"timeStamp", "x"}}), before);
}

}  // namespace
}  // namespace sluice::bandwidth
