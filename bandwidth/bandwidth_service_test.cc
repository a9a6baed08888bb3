// The bandwidth API on a real store, without its contract.
#include "bandwidth/bandwidth_service.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/http/pending_response.h"

namespace sluice::bandwidth {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BandwidthServiceTest : public testing::Test {
 protected:
  BandwidthServiceTest() {
    std::string name = testing::TempDir() + "/bandwidth-XXXXXX";
    directory_ = mkdtemp(name.data());
    start({.uplink_bps = 10'000,
           .downlink_bps = 20'000,
           .percent_of_app = 80,
           .allocations = 4,
           .allocations_of_app = 3});
  }
  ~BandwidthServiceTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start(const Capacity& capacity) {
    store::Schema schema;
    records_ = Records::add_to(schema);
    outbox_ = std::make_unique<notify::Outbox>(notify::Records::add_to(schema));
    store_ = std::move(*store::Store::open(directory_ + "/test.db", std::move(schema), clock_));
    service_ = std::make_unique<BandwidthService>(
        BandwidthSite{records_,
                      {*store_, *outbox_, policy_, "", "http://mep"},
                      [this](const http::Request&) -> Result<std::string> { return caller_; },
                      [](const store::Snapshot&, std::string_view app) {
                        return app == "gone" ? std::nullopt
                                             : std::optional("name of " + std::string(app));
                      },
                      [this](store::Transaction&) { ++told_to_enforce_; },
                      [](const std::string&) { return uint64_t{4711}; }},
        BandwidthOptions{capacity, 10});
    handlers_ = service_->handlers();
  }
  void stop() {
    handlers_.clear();
    service_.reset();
    store_.reset();
  }

  http::Response call(const std::string& operation, const std::string& id = {},
                      const json& body = {}, const std::string& query = {},
                      const std::string& if_match = {}) {
    http::Request request;
    request.path_params = {{"allocationId", id}, {"subscriptionId", id}};
    request.json = body;
    request.query = http::Query::parse(query).value();
    request.target = "/x?" + query;
    if (!if_match.empty()) request.headers.set("If-Match", if_match);
    return http::await(handlers_.at(operation)(request));
  }
  json wanted(uint64_t bps, const std::string& direction = "10", const std::string& ue = {}) const {
    json out = {{"appInsId", caller_},
                {"requestType", ue.empty() ? 0 : 1},
                {"fixedAllocation", std::to_string(bps)},
                {"allocationDirection", direction}};
    if (!ue.empty()) out["sessionFilter"] = {{{"sourceIp", ue}}};
    return out;
  }
  // The id, or empty when it is refused with 403, for the reason in refusal_.
  std::string allocate(const json& body) {
    const auto reply = call("createBandwidthAllocation", {}, body);
    const auto answer = json::parse(reply.body);
    if (reply.status == 201) {
      EXPECT_EQ(*reply.headers.get("Location"),
                "http://mep/bwm/v1/bw_allocations/" + answer["allocationId"].get<std::string>());
      return answer["allocationId"];
    }
    EXPECT_EQ(reply.status, 403) << reply.body;
    refusal_ = answer["detail"];
    return {};
  }
  // Ids of the allocations that a list shows.
  std::vector<std::string> listed(const std::string& query = {}) {
    std::vector<std::string> out;
    for (const auto& item : json::parse(call("listBandwidthAllocations", {}, {}, query).body)) {
      out.push_back(item["allocationId"]);
    }
    return out;
  }
  void subscribe(const json& criteria) {
    const auto reply = call("createBandwidthSubscription", {},
                            {{"subscriptionType", kSubscriptionType},
                             {"callbackReference", "http://10.9.0.3/hook"},
                             {"filterCriteria", criteria}});
    ASSERT_EQ(reply.status, 201) << reply.body;
  }
  // What was told since it was last asked: dataVolDispersion of each notification.
  std::vector<json> told() {
    std::vector<json> out;
    const auto state = store_->snapshot();
    for (const auto& [key, stored] : state.of(outbox_->records().events)) {
      if (key <= last_event_) continue;
      last_event_ = key;
      out.push_back(json::parse("{" + stored.value.members + "}")["dataVolDispersion"]);
    }
    return out;
  }

  std::string directory_;
  ManualClock clock_;
  notify::CallbackPolicy policy_{{}};
  Records records_;
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<BandwidthService> service_;
  http::Handlers handlers_;
  std::string caller_ = "one";
  std::string refusal_;
  std::string last_event_;
  int told_to_enforce_ = 0;
};

TEST_F(BandwidthServiceTest, what_is_granted_is_never_more_than_there_is) {
  const auto first = allocate(wanted(8'000, "01"));
  ASSERT_NE(first, "");
  EXPECT_EQ(allocate(wanted(1, "01")), "") << "80 % are for one app";
  EXPECT_THAT(refusal_, HasSubstr("1000 bit/s uplink are asked for, of the 8000 for one app"));
  EXPECT_NE(allocate(wanted(16'000, "00")), "") << "the other direction";
  caller_ = "two";
  EXPECT_EQ(allocate(wanted(2'001)), "");
  EXPECT_THAT(refusal_, HasSubstr("of the 10000 of the site 2000 are left"));
  EXPECT_NE(allocate(wanted(2'000)), "") << "symmetrical: of both";
  EXPECT_EQ(told_to_enforce_, 3);

  caller_ = "one";
  EXPECT_EQ(call("deleteBandwidthAllocation", first).status, 204);
  EXPECT_EQ(call("getBandwidthAllocation", first).status, 404);
  caller_ = "two";
  EXPECT_NE(allocate(wanted(6'000, "01")), "") << "what is given back is free";
  EXPECT_EQ(allocate(wanted(1, "01")), "");
}

TEST_F(BandwidthServiceTest, what_is_granted_is_what_the_user_plane_keeps) {
  EXPECT_NE(allocate(wanted(1, "01", "10.45.0.2")), "");
  EXPECT_NE(allocate(wanted(1, "01", "10.45.0.3")), "");
  EXPECT_EQ(granted(store_->snapshot(), records_).uplink_bps, 2'000U);
  for (const auto& entry : Grants(records_).all(store_->snapshot())) {
    EXPECT_EQ(entry.uplink_bps, 1'000U);
  }
  EXPECT_EQ(allocate(wanted(6'001, "01", "10.45.0.4")), "") << "6 kb/s are left, this takes 7";
}

TEST_F(BandwidthServiceTest, survives_a_restart_and_a_lower_bound_takes_nothing_away) {
  const auto id = allocate(wanted(8'000));
  const auto before = call("getBandwidthAllocation", id).body;
  stop();
  start({.uplink_bps = 1'000, .downlink_bps = 1'000});
  EXPECT_EQ(call("getBandwidthAllocation", id).body, before);
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(7'000)).status, 200);
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(7'001)).status, 403);
  EXPECT_EQ(Grants(records_).all(store_->snapshot()).at(0).uplink_bps, 7'000U);
}

TEST_F(BandwidthServiceTest, bounds_the_number_of_allocations) {
  for (int i = 0; i < 3; ++i) EXPECT_NE(allocate(wanted(1)), "");
  EXPECT_EQ(allocate(wanted(1)), "");
  EXPECT_THAT(refusal_, HasSubstr("3 allocations already"));
  caller_ = "two";
  EXPECT_NE(allocate(wanted(1)), "");
  EXPECT_EQ(allocate(wanted(1)), "");
  EXPECT_THAT(refusal_, HasSubstr("4 bandwidth allocations at most"));
}

TEST_F(BandwidthServiceTest, a_session_has_one_allocation_for_a_direction) {
  const auto id = allocate(wanted(1, "01", "10.45.0.2"));
  caller_ = "two";
  EXPECT_EQ(allocate(wanted(1, "10", "10.45.0.2")), "");
  EXPECT_THAT(refusal_, HasSubstr("sessionFilter: another allocation"));
  EXPECT_NE(allocate(wanted(1, "00", "10.45.0.2")), "");
  caller_ = "one";
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(2, "01", "10.45.0.2")).status, 200)
      << "its own is no other";
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(2, "10", "10.45.0.2")).status, 403);
}

TEST_F(BandwidthServiceTest, put_replaces_and_patch_changes_what_it_names) {
  const auto id = allocate(wanted(1'000, "01", "10.45.0.2"));
  clock_.advance(std::chrono::seconds(5));
  auto reply = call(
      "patchBandwidthAllocation", id,
      {{"allocationId", id}, {"appInsId", "one"}, {"requestType", 1}, {"fixedAllocation", "2000"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  auto info = json::parse(reply.body);
  EXPECT_EQ(info["fixedAllocation"], "2000");
  EXPECT_EQ(info["allocationDirection"], "01");
  EXPECT_EQ(info["sessionFilter"][0]["sourceIp"], "10.45.0.2");
  EXPECT_EQ(info["appName"], "name of one");
  EXPECT_EQ(reply.body, call("getBandwidthAllocation", id).body);

  // Members that are none of BwInfoDeltas' are not looked at, whatever they hold.
  for (const json& name : {json(5), json(std::string(100'000, 'x'))}) {
    reply =
        call("patchBandwidthAllocation", id,
             {{"allocationId", id}, {"appInsId", "one"}, {"requestType", 1}, {"appName", name}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(json::parse(reply.body)["appName"], "name of one");
  }

  reply = call("putBandwidthAllocation", id, wanted(3'000, "00"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_FALSE(json::parse(reply.body).contains("sessionFilter"));
  const auto tag = std::string(*reply.headers.get("ETag"));
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(1), {}, "\"0\"").status, 412);
  EXPECT_EQ(call("deleteBandwidthAllocation", id, {}, {}, "\"0\"").status, 412);
  EXPECT_EQ(call("deleteBandwidthAllocation", id, {}, {}, tag).status, 204);
}

TEST_F(BandwidthServiceTest, an_app_sees_and_changes_its_own_alone) {
  const auto id = allocate(wanted(1));
  auto others = wanted(1);
  caller_ = "two";
  EXPECT_EQ(allocate(others), "") << "in the name of another";
  EXPECT_THAT(listed(), IsEmpty());
  for (const auto* operation : {"getBandwidthAllocation", "deleteBandwidthAllocation"}) {
    EXPECT_EQ(call(operation, id).status, 404) << operation;
  }
  EXPECT_EQ(call("putBandwidthAllocation", id, wanted(1)).status, 404);
  const json foreign = {{"subscriptionType", kSubscriptionType},
                        {"callbackReference", "http://10.9.0.3/hook"},
                        {"filterCriteria", {{{"appInsId", "one"}}}}};
  EXPECT_EQ(call("createBandwidthSubscription", {}, foreign).status, 403);
  caller_ = "gone";
  EXPECT_EQ(call("createBandwidthAllocation", {}, wanted(1)).status, 404);
}

TEST_F(BandwidthServiceTest, bodies_do_not_choose_ids) {
  const auto id = allocate(wanted(1));
  auto body = wanted(1);
  body["allocationId"] = "mine";
  EXPECT_EQ(call("createBandwidthAllocation", {}, body).status, 400);
  EXPECT_EQ(call("putBandwidthAllocation", id, body).status, 400);
  EXPECT_EQ(call("putBandwidthAllocation", "mine", body).status, 404);
}

TEST_F(BandwidthServiceTest, lists_what_is_asked_for) {
  const auto a = allocate(wanted(1));
  auto named = wanted(1);
  named["appName"] = "cameras";
  const auto b = allocate(named);
  EXPECT_THAT(listed(), testing::UnorderedElementsAre(a, b));
  EXPECT_THAT(listed("session_id=" + a), ElementsAre(a));
  EXPECT_THAT(listed("session_id=" + a + "," + b), testing::UnorderedElementsAre(a, b));
  EXPECT_THAT(listed("app_name=cameras&app_name=none"), ElementsAre(b));
  EXPECT_THAT(listed("app_instance_id=one"), testing::UnorderedElementsAre(a, b));
  EXPECT_THAT(listed("app_instance_id=two"), IsEmpty());
  EXPECT_THAT(listed("filter=(eq,appName,cameras)"), ElementsAre(b));
  EXPECT_EQ(call("listBandwidthAllocations", {}, {}, "app_instance_id=one&session_id=" + a).status,
            400);
}

TEST_F(BandwidthServiceTest, tells_those_whose_criteria_a_change_meets) {
  subscribe({{{"appInsId", "one"}}});
  subscribe({{{"appInsId", "one"}, {"ueIp", "10.45.0.2"}}, {{"appInsId", "one"}}});
  subscribe({{{"appInsId", "one"}, {"ueIp", "10.45.0.2"}}});
  caller_ = "two";
  subscribe({{{"appInsId", "two"}}});
  caller_ = "one";
  const json all = {{"appInsId", "one"}, {"dataVol", 4711}};
  const json of_ue = {{"appInsId", "one"}, {"dataVol", 4711}, {"ueIp", "10.45.0.2"}};
  using testing::UnorderedElementsAre;

  const auto session = allocate(wanted(1, "01", "10.45.0.2"));
  EXPECT_THAT(told(), UnorderedElementsAre(json::array({all}), json::array({of_ue, all}),
                                           json::array({of_ue})));
  EXPECT_EQ(call("deleteBandwidthAllocation", session).status, 204);
  EXPECT_THAT(told(), UnorderedElementsAre(json::array({all}), json::array({of_ue, all}),
                                           json::array({of_ue})));
  // One event for two subscribers who are told the same.
  EXPECT_NE(allocate(wanted(1)), "");
  EXPECT_THAT(told(), ElementsAre(json::array({all})));
  EXPECT_EQ(allocate(wanted(100'000)), "");
  EXPECT_THAT(told(), IsEmpty()) << "what is refused changes nothing";
}

TEST_F(BandwidthServiceTest, what_an_app_had_ends_with_it) {
  EXPECT_NE(allocate(wanted(8'000)), "");
  subscribe({{{"appInsId", "one"}}});
  caller_ = "two";
  const auto stays = allocate(wanted(1));
  EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
    service_->withdraw(change, "one");
    return {};
  }));
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(told_to_enforce_, 3);
  EXPECT_EQ(granted(store_->snapshot(), records_).allocations, 1U);
  EXPECT_THAT(listed(), ElementsAre(stays));
}

}  // namespace
}  // namespace sluice::bandwidth
