// The Location API on a real store and a feed that is told line by line, without its contract.
#include "location/location_service.h"

#include <filesystem>
#include <future>

#include "base/http/pending_response.h"

namespace sluice::location {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LocationServiceTest : public testing::Test {
 protected:
  LocationServiceTest() {
    std::string name = testing::TempDir() + "/location-XXXXXX";
    directory_ = mkdtemp(name.data());
    start();
    for (const auto& [cell, zone] :
         {std::pair("a1", "west"), std::pair("a2", "west"), std::pair("b1", "east")}) {
      report({{"type", "cell"}, {"cellId", cell}, {"zoneId", zone}, {"connectionType", "5G NR"}});
    }
  }
  ~LocationServiceTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    store::Schema schema;
    records_ = Records::add_to(schema);
    outbox_ = std::make_unique<notify::Outbox>(notify::Records::add_to(schema));
    store_ = std::move(*store::Store::open(directory_ + "/test.db", std::move(schema), clock_));
    feed_ = std::make_unique<feeds::RanFeed>(feeds::FeedOptions{}, clock_,
                                             [](std::string_view) -> Result<void> { return {}; });
    service_ = std::make_unique<LocationService>(
        LocationSite{loop_,
                     clock_,
                     *feed_,
                     records_,
                     {*store_, *outbox_, policy_, "", "http://mep"},
                     [this](const http::Request&) -> Result<std::string> { return caller_; },
                     [](const store::Snapshot&, std::string_view app) { return app != "gone"; }},
        LocationOptions{.subscriptions_of_app = 10, .waiting_notifications = 5});
    handlers_ = service_->handlers();
  }
  void stop() {
    handlers_.clear();
    service_.reset();
    feed_.reset();
    store_.reset();
  }

  // Reports at the present time, which goes on by a second each.
  void report(json line) {
    clock_.advance(std::chrono::seconds(1));
    line["timeMs"] = feed_->now_ms();
    std::vector<feeds::Report> reports;
    auto parsed = feeds::parse_report(line.dump());
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    reports.push_back(std::move(*parsed));
    const auto taken = feed_->take(std::move(reports));
    ASSERT_TRUE(taken[0] && *taken[0]) << line;
  }
  void move(const std::string& user, const std::string& cell, std::optional<Coordinates> at = {},
            std::optional<int> uncertainty_m = {}) {
    json line = {{"type", "position"}, {"user", user}};
    if (!cell.empty()) line["cellId"] = cell;
    if (at) line.update({{"latitude", at->latitude}, {"longitude", at->longitude}});
    if (uncertainty_m) line["uncertaintyM"] = *uncertainty_m;
    report(line);
  }

  http::Response call(const std::string& operation, const std::string& query = {},
                      const json& body = {},
                      std::vector<std::pair<std::string_view, std::string>> path = {}) {
    http::Request request;
    request.path_params = std::move(path);
    request.json = body;
    request.query = http::Query::parse(query).value();
    request.target = "/x?" + query;
    request.page_size = 2;
    return http::await(handlers_.at(operation)(request));
  }
  json get(const std::string& operation, const std::string& query = {},
           std::vector<std::pair<std::string_view, std::string>> path = {}) {
    return json::parse(call(operation, query, {}, std::move(path)).body);
  }
  // The id.
  std::string subscribe(const std::string& what, const std::string& type, json body) {
    body["callbackReference"] = "http://192.0.2.1/" + type;
    auto name = type;
    name[0] = static_cast<char>(std::toupper(name[0]));
    body["subscriptionType"] = name;
    json wrapped = json::object();
    wrapped[type] = std::move(body);
    const auto reply = call("createLocation" + what + "Subscription", {}, wrapped);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return std::string(reply.headers.get("Location").value_or(""))
        .substr(std::string_view("http://mep").size());
  }
  // The notifications since the last call, the newest last, without their time and type.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    std::vector<std::string> keys;
    EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      for (const auto& [key, event] : change.view().of(outbox_->records().events)) {
        keys.push_back(key);
        last_ = json::parse("{" + event.value.members + "}");
        envelope_ = event.value.envelope;
        std::string line = last_.value("userLocationEvent", "").substr(0, 1);
        for (const auto* name :
             {"address", "zoneId", "accessPointId", "operationStatus", "result", "distanceEvent"}) {
          if (last_.contains(name)) line += " " + last_[name].get<std::string>();
        }
        if (last_.contains("userNumEvent")) line += " number " + last_["userNumEvent"].dump();
        for (size_t i = 0; i < event.value.to.size(); ++i) out.push_back(line);
      }
      for (const auto& key : keys) change.erase(outbox_->records().events, key);
      return {};
    }));
    return out;
  }
  void tick() {
    for (int i = 0; i < 3; ++i) loop_.run_once(std::chrono::milliseconds(150));
  }

  ManualClock clock_;
  EventLoop loop_;
  std::string directory_;
  Records records_;
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<store::Store> store_;
  notify::CallbackPolicy policy_{{}};
  std::unique_ptr<feeds::RanFeed> feed_;
  std::unique_ptr<LocationService> service_;
  http::Handlers handlers_;
  std::string caller_ = "app";
  json last_;
  std::string envelope_;
};

TEST_F(LocationServiceTest, AnswersWhatTheFeedHasTold) {
  move("u1", "a1", Coordinates{48, 11}, 30);
  move("u2", "a2");
  move("u3", "b1", Coordinates{48, 11.01}, 5);
  move("u4", "elsewhere", Coordinates{48, 12});
  const auto first = call("queryLocationUsers");
  EXPECT_THAT(std::string(first.headers.get("Link").value_or("")),
              HasSubstr("nextpage_opaque_marker="));
  const auto link = std::string(*first.headers.get("Link"));
  const auto marker = link.substr(link.find("nextpage"), link.find('>') - link.find("nextpage"));
  const auto list = json::parse(first.body)["userList"];
  EXPECT_EQ(list["resourceURL"], "http://mep/location/v3/queries/users?");
  EXPECT_EQ(list["user"][0]["address"], "u1");
  EXPECT_EQ(list["user"][0]["locationInfo"]["accuracy"], 30);
  EXPECT_EQ(list["user"][1]["accessPointId"], "a2");
  EXPECT_FALSE(list["user"][1].contains("locationInfo"));
  EXPECT_EQ(get("queryLocationUsers", marker)["userList"]["user"][0]["address"], "u3");
  EXPECT_EQ(get("queryLocationUsers", "zoneId=east")["userList"]["user"].size(), 1u);
  EXPECT_EQ(get("queryLocationUsers", "zoneId=east&accessPointId=a1")["userList"]["user"].size(),
            0u);
  EXPECT_EQ(get("queryLocationUsers", "address=u4,u1,u9")["userList"]["user"].size(), 1u);
  EXPECT_EQ(get("queryLocationZones")["zoneList"]["zone"][1]["numberOfUsers"], 2);
  EXPECT_EQ(get("queryLocationZone", "", {{"zoneId", "west"}})["zoneInfo"]["numberOfAccessPoints"],
            2);
  EXPECT_EQ(call("queryLocationZone", "", {}, {{"zoneId", "north"}}).status, 404);
  EXPECT_EQ(get("queryLocationAccessPoints", "accessPointId=a2",
                {{"zoneId", "west"}})["accessPointList"]["accessPoint"]
                .size(),
            1u);
  EXPECT_EQ(call("queryLocationAccessPoint", "", {}, {{"zoneId", "east"}, {"accessPointId", "a1"}})
                .status,
            404);
  const auto distance = get("queryLocationDistance", "address=u1&address=u3")["terminalDistance"];
  EXPECT_EQ(distance["distance"], 746);
  EXPECT_EQ(distance["accuracy"], 35);
  for (const auto* place : {"latitude=48&longitude=11.01", "location=latitude,48,longitude,11.01",
                            "location=%7B%22latitude%22:48,%22longitude%22:11.01%7D"}) {
    EXPECT_EQ(get("queryLocationDistance",
                  "address=u1&" + std::string(place))["terminalDistance"]["distance"],
              746);
  }
  EXPECT_EQ(call("queryLocationDistance", "address=u1").status, 400);
  EXPECT_EQ(call("queryLocationDistance", "address=u1&location=48,11").status, 400);
  EXPECT_EQ(call("queryLocationDistance", "address=u2&latitude=1&longitude=1").status, 404);
  clock_.advance(std::chrono::seconds(100));
  EXPECT_EQ(get("queryLocationUsers", "address=u1")["userList"]["user"][0]["stale"], true);
  move("u1", "", Coordinates{48, 11});  // which says nothing of the access point
  EXPECT_EQ(get("queryLocationUsers", "address=u1")["userList"]["user"][0]["stale"], true);
  move("u1", "a1");
  EXPECT_FALSE(get("queryLocationUsers", "address=u1")["userList"]["user"][0].contains("stale"));
}

TEST_F(LocationServiceTest, TellsOfZonesAndUsers) {
  move("u", "a1");
  subscribe("Zone", "zoneLocationEventSubscription", {{"zoneId", "west"}});
  subscribe("Zone", "zoneLocationEventSubscription",
            {{"zoneId", "west"},
             {"addressList", {"v"}},
             {"locationEventCriteria", {"ENTERING_AREA_EVENT"}}});
  move("u", "a2");
  EXPECT_THAT(told(), IsEmpty());
  move("u", "b1");
  EXPECT_THAT(told(), ElementsAre("L u west"));
  EXPECT_EQ(envelope_, "zoneLocationEventNotification");
  EXPECT_EQ(last_["timeStamp"], time_stamp_ms(feed_->now_ms()));
  move("v", "a1");
  EXPECT_THAT(told(), ElementsAre("E v west", "E v west"));
  report({{"type", "detach"}, {"user", "v"}});
  EXPECT_THAT(told(), ElementsAre("L v west"));

  const json once = {{"zoneId", "west"}, {"occurrenceInfo", "ONE_TIME_EVENT"}};
  subscribe("User", "userLocationEventSubscription", {{"address", "u"}});
  subscribe("User", "userLocationEventSubscription", {{"address", "u"}, {"userEventPara", once}});
  subscribe(
      "User", "userLocationEventSubscription",
      {{"address", "u"},
       {"userEventPara", {{"accessPointList", {"a1", "b1"}}, {"reportingLocationReq", true}}}});
  move("u", "a1", Coordinates{1, 2});
  // The zone's, any zone's twice, the one zone's; from one of the access points to another there is
  // no event.
  EXPECT_THAT(told(),
              UnorderedElementsAre("E u west", "L u east b1", "E u west a1", "E u west a1"));
  move("u", "a2");  // no news of the position
  EXPECT_THAT(told(), ElementsAre("L u west a1"));
  EXPECT_FALSE(last_.contains("locationInfo"));
  move("u", "a1", Coordinates{1, 2});
  EXPECT_THAT(told(), ElementsAre("E u west a1"));
  EXPECT_EQ(last_["locationInfo"]["latitude"], json::array({1.0}));
}

TEST_F(LocationServiceTest, TellsOfNumbersAndOfStates) {
  subscribe("Zone", "zoneStatusSubscription",
            {{"zoneId", "west"},
             {"upperNumberOfUsersZoneThreshold", 1},
             {"lowerNumberOfUsersAPThreshold", 1}});
  subscribe("Zone", "zoneStatusSubscription",
            {{"zoneId", "west"}, {"operationStatus", {"Unserviceable"}}});
  move("u", "a1");
  EXPECT_THAT(told(), IsEmpty());
  move("v", "a1");
  EXPECT_THAT(told(), ElementsAre(" west number 1"));
  move("u", "a2");
  EXPECT_THAT(told(), IsEmpty());
  move("v", "b1");
  EXPECT_THAT(told(), ElementsAre(" west a1 number 4"));
  const auto cell = [](const char* state) -> json {
    return {{"type", "cell"},
            {"cellId", "a1"},
            {"zoneId", "west"},
            {"connectionType", "LTE"},
            {"operationStatus", state}};
  };
  report(cell("Unserviceable"));
  report(cell("Unserviceable"));
  report(cell("Serviceable"));
  EXPECT_THAT(told(), ElementsAre(" west a1 Unserviceable"));
  stop();
  start();
  report(cell("Unserviceable"));  // what was before is not known
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(LocationServiceTest, WhoIsForgottenIsCountedNowhereAndHasLeftNothing) {
  const json circle = {
      {"shape", 1}, {"radius", 500}, {"points", {{{"latitude", 48}, {"longitude", 11}}}}};
  subscribe("Zone", "zoneStatusSubscription",
            {{"zoneId", "west"}, {"lowerNumberOfUsersZoneThreshold", 1}});
  subscribe("Zone", "zoneLocationEventSubscription", {{"zoneId", "west"}});
  subscribe("User", "userLocationEventSubscription", {{"address", "u"}});
  subscribe("Area", "userAreaSubscription",
            {{"areaDefine", circle}, {"addressList", {"u"}}, {"trackingAccuracy", 50}});
  move("u", "a1", Coordinates{48, 11});
  EXPECT_THAT(told(), UnorderedElementsAre("E u", "E u west", "E u west a1"));
  clock_.advance(std::chrono::hours(2));
  feed_->forget_silent();
  EXPECT_THAT(told(), ElementsAre(" west number 2"));
  EXPECT_EQ(last_["timeStamp"], time_stamp_ms(feed_->now_ms()));
  move("u", "a1", Coordinates{48, 11});
  EXPECT_THAT(told(), UnorderedElementsAre("E u", "E u west", "E u west a1"));
}

TEST_F(LocationServiceTest, TellsOfAreas) {
  const json circle = {
      {"shape", 1}, {"radius", 500}, {"points", {{{"latitude", 48}, {"longitude", 11}}}}};
  move("v", "a1", Coordinates{48, 11});
  subscribe("Area", "userAreaSubscription",
            {{"areaDefine", circle},
             {"addressList", {"u", "v"}},
             {"trackingAccuracy", 50},
             {"reportingLocationReq", true}});
  move("v", "a1", Coordinates{48.0001, 11});  // was there before
  EXPECT_THAT(told(), IsEmpty());
  move("u", "a1", Coordinates{48, 11}, 51);  // nobody knows
  move("w", "a1", Coordinates{48, 11});
  EXPECT_THAT(told(), IsEmpty());
  move("u", "a1", Coordinates{48, 11}, 50);
  EXPECT_THAT(told(), ElementsAre("E u"));
  EXPECT_EQ(last_["locationInfo"]["shape"], 5);
  move("u", "a1", Coordinates{49, 11}, 51);
  EXPECT_THAT(told(), IsEmpty());
  move("u", "", Coordinates{49, 11});
  move("v", "", Coordinates{49, 11});
  EXPECT_THAT(told(), ElementsAre("L u", "L v"));
  EXPECT_EQ(envelope_, "userAreaNotification");
}

TEST_F(LocationServiceTest, TellsWhenUsersMeetAndPart) {
  move("u", "a1", Coordinates{48, 11});
  move("v", "a1", Coordinates{48, 11.001});
  const auto body = [](const char* criteria, bool immediately) -> json {
    return {{"monitoredAddress", {"u", "v"}},
            {"referenceAddress", {"r"}},
            {"distance", 1000},
            {"trackingAccuracy", 10},
            {"criteria", criteria},
            {"checkImmediate", immediately}};
  };
  subscribe("Distance", "userDistanceSubscription", body("AllWithinDistance", false));
  subscribe("Distance", "userDistanceSubscription", body("AnyBeyondDistance", false));
  tick();
  EXPECT_THAT(told(), IsEmpty());  // nobody knows where r is
  move("r", "", Coordinates{48, 11.002});
  EXPECT_THAT(told(), ElementsAre(" AllWithinDistance"));
  EXPECT_EQ(last_["monitoredUsers"]["user"].size(), 2u);
  move("u", "", Coordinates{48.1, 11});
  EXPECT_THAT(told(), ElementsAre(" AnyBeyondDistance"));
  subscribe("Distance", "userDistanceSubscription", body("AnyBeyondDistance", true));
  tick();
  EXPECT_THAT(told(), ElementsAre(" AnyBeyondDistance"));
}

TEST_F(LocationServiceTest, WhatIsStaleIsNearNobodyAndNowhere) {
  move("u", "a1", Coordinates{48, 11});
  move("v", "a1", Coordinates{49, 11});
  clock_.advance(std::chrono::seconds(100));
  subscribe("Distance", "userDistanceSubscription",
            {{"monitoredAddress", {"u", "v"}},
             {"distance", 1000},
             {"trackingAccuracy", 10},
             {"criteria", "AnyWithinDistance"},
             {"checkImmediate", false}});
  subscribe("Area", "userAreaSubscription",
            {{"areaDefine",
              {{"shape", 1}, {"radius", 500}, {"points", {{{"latitude", 48}, {"longitude", 11}}}}}},
             {"addressList", {"u"}},
             {"trackingAccuracy", 50}});
  move("v", "a1", Coordinates{48, 11});
  EXPECT_THAT(told(), IsEmpty());
  move("u", "a1", Coordinates{48, 11});
  EXPECT_THAT(told(), ElementsAre("E u", " AnyWithinDistance"));
}

TEST_F(LocationServiceTest, ALatePeriodicReportIsNotFollowedByAnother) {
  subscribe("User", "userLocationPeriodicSubscription",
            {{"address", "u"},
             {"periodicEventInfo", {{"reportingAmount", 9}, {"reportingInterval", 40}}}});
  tick();
  clock_.advance(std::chrono::seconds(100));
  tick();
  EXPECT_THAT(told(), ElementsAre(" u ABNORMAL"));
  clock_.advance(std::chrono::seconds(39));
  tick();
  EXPECT_THAT(told(), IsEmpty());
  clock_.advance(std::chrono::seconds(1));
  tick();
  EXPECT_THAT(told(), ElementsAre(" u ABNORMAL"));
}

TEST_F(LocationServiceTest, TellsPeriodicallyAndThenNoMore) {
  move("u", "a1", Coordinates{48, 11});
  subscribe("User", "userLocationPeriodicSubscription",
            {{"address", "u"},
             {"periodicEventInfo", {{"reportingAmount", 2}, {"reportingInterval", 40}}}});
  tick();
  EXPECT_THAT(told(), IsEmpty());
  clock_.advance(std::chrono::seconds(40));
  tick();
  EXPECT_THAT(told(), ElementsAre(" u west a1 SUCCESS"));
  EXPECT_FALSE(last_.contains("isFinalNotification"));
  clock_.advance(std::chrono::seconds(40));
  tick();
  EXPECT_THAT(told(), ElementsAre(" u ABNORMAL"));  // what is known is stale
  EXPECT_EQ(last_["isFinalNotification"], true);
  clock_.advance(std::chrono::seconds(400));
  tick();
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(LocationServiceTest, KeepsToWhatReportingControlSaysAcrossRestarts) {
  const auto href = subscribe(
      "Zone", "zoneLocationEventSubscription",
      {{"zoneId", "west"}, {"reportingCtrl", {{"maximumCount", 2}, {"minimumInterval", 10}}}});
  move("u", "a1");
  move("u", "b1");  // a second later
  EXPECT_THAT(told(), ElementsAre("E u west"));
  stop();
  start();
  report({{"type", "cell"}, {"cellId", "a1"}, {"zoneId", "west"}, {"connectionType", "LTE"}});
  move("u", "a1");
  clock_.advance(std::chrono::seconds(10));
  move("u", "b1");
  clock_.advance(std::chrono::seconds(10));
  EXPECT_THAT(told(), ElementsAre("E u west"));
  move("u", "a1");
  EXPECT_THAT(told(), IsEmpty());
  const auto id = href.substr(href.rfind('/') + 1);
  const auto shown = get("getLocationZoneSubscription", "", {{"subscriptionId", id}});
  EXPECT_EQ(call("putLocationZoneSubscription", "", shown, {{"subscriptionId", id}}).status, 200);
  move("u", "b1");
  EXPECT_THAT(told(), ElementsAre("L u west"));
}

TEST_F(LocationServiceTest, DropsWhatASlowStoreCannotTake) {
  subscribe("Zone", "zoneLocationEventSubscription", {{"zoneId", "west"}});
  std::promise<void> go_on;
  store_->add_listener([wait = go_on.get_future().share()](const auto&, const auto&) {
    wait.wait();  // the store does not come to finish anything
  });
  for (int i = 0; i < 20; ++i) {
    move("u", "a1");
    move("u", "b1");
  }
  EXPECT_EQ(service_->dropped(), 40u - 16u - 5u);
  go_on.set_value();
  EXPECT_EQ(told().size(), 16u);
  move("u", "a1");  // what waits goes with it
  EXPECT_EQ(told().size(), 5u);
  EXPECT_EQ(service_->dropped(), 40u - 16u - 5u + 1u);
  move("u", "b1");
  EXPECT_EQ(told().size(), 1u);
}

TEST_F(LocationServiceTest, ListsAndBoundsAndNeverDoubles) {
  const json body = {{"address", "u"}, {"clientCorrelator", "c1"}};
  const auto one = subscribe("User", "userLocationEventSubscription", body);
  EXPECT_EQ(subscribe("User", "userLocationEventSubscription", body), one);
  subscribe("User", "userLocationPeriodicSubscription",
            {{"address", "v"},
             {"periodicEventInfo", {{"reportingAmount", 2}, {"reportingInterval", 40}}}});
  const auto list = [&](const std::string& query) {
    return get("listLocationUserSubscriptions",
               query)["notificationSubscriptionList"]["subscription"]
        .size();
  };
  EXPECT_EQ(list(""), 2u);
  EXPECT_EQ(list("subscription_type=periodic"), 1u);
  EXPECT_EQ(list("address=u"), 1u);
  caller_ = "other";
  EXPECT_EQ(list(""), 0u);
  // Twice at the same time: whichever is first.
  json again = {{"address", "u"},
                {"clientCorrelator", "c1"},
                {"callbackReference", "http://192.0.2.1/"},
                {"subscriptionType", "UserLocationEventSubscription"}};
  http::Request request;
  request.json = {{"userLocationEventSubscription", again}};
  auto first = handlers_.at("createLocationUserSubscription")(request);
  auto second = handlers_.at("createLocationUserSubscription")(request);
  EXPECT_EQ(http::await(std::move(first)).status, 201);
  EXPECT_THAT(http::await(std::move(second)).status, testing::AnyOf(201, 403));
  EXPECT_EQ(list(""), 1u);
  again.update({{"subscriptionType", "UserLocationPeriodicSubscription"},
                {"periodicEventInfo", {{"reportingAmount", 2}, {"reportingInterval", 40}}}});
  EXPECT_EQ(
      call("createLocationUserSubscription", "", json{{"userLocationPeriodicSubscription", again}})
          .status,
      403);
  const auto id = one.substr(one.rfind('/') + 1);
  EXPECT_EQ(call("getLocationUserSubscription", "", {}, {{"subscriptionId", id}}).status, 404);
  caller_ = "app";
  for (const auto& wrong :
       {json{{"zoneStatusSubscription", json::object()}}, json{{"address", "u"}},
        json{{"userLocationEventSubscription", body}, {"x", 1}}}) {
    EXPECT_EQ(call("createLocationUserSubscription", "", wrong).status, 400) << wrong;
  }
  EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
    service_->withdraw(change, "app");
    return {};
  }));
  EXPECT_EQ(list(""), 0u);
}

}  // namespace
}  // namespace sluice::location
