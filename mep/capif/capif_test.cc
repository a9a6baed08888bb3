// CAPIF on a real store: publishing, discovery in pages, and who is told of what.
#include "mep/capif/capif.h"

#include <gmock/gmock.h>

#include "auth/token_service.h"
#include "base/http/pending_response.h"
#include "base/store/test_notes.h"
#include "mep/capif/test_apis.h"
#include "mep/registry/test_services.h"

namespace sluice::mep::capif {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class CapifTest : public testing::Test {
 protected:
  CapifTest() {
    store::Schema schema;
    const auto records = registry::Records::add_to(schema);
    outbox_ = std::make_unique<notify::Outbox>(notify::Records::add_to(schema));
    store_ = std::move(*store::Store::open(directory_.file(), std::move(schema), clock_));
    const notify::SubscriptionSite site{*store_, *outbox_, policy_, "", "http://mep"};
    services_ = std::make_unique<registry::ServiceManagement>(
        registry::ServiceSite{loop_, clock_, records, site,
                              [](const store::Snapshot&, std::string_view) { return true; }},
        registry::ServiceOptions{});
    capif_ = std::make_unique<Capif>(*services_, site, 100);
    handlers_ = capif_->handlers();
    handlers_.merge(services_->handlers());
  }

  http::Response call(const std::string& operation, const std::string& id = {},
                      const json& body = {}, const std::string& query = {},
                      const std::string& app = "app-1") {
    http::Request request;
    request.page_size = page_size_;
    request.path_params = {{"apfId", app},    {"serviceApiId", id},   {"subscriberId", app},
                           {"serviceId", id}, {"appInstanceId", app}, {"subscriptionId", id}};
    request.json = body;
    request.target = "/service-apis/v1/allServiceAPIs?" + query;
    request.query = http::Query::parse(query).value();
    http::Principal principal{"client", {}, {}};
    principal.claims.emplace(auth::kAppInstanceClaim, "app-1");
    request.principal = std::make_shared<const http::Principal>(std::move(principal));
    return http::await(handlers_.at(operation)(request));
  }
  std::string publish(const json& body = test_api()) {
    const auto reply = call("publishApi", {}, body);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return json::parse(reply.body).at("apiId");
  }
  std::vector<std::string> names(const http::Response& reply) {
    std::vector<std::string> out;
    const auto body = json::parse(reply.body);
    for (const auto& api : body.at("serviceAPIDescriptions")) out.push_back(api.at("apiName"));
    return out;
  }
  std::vector<std::string> told() {  // "EVENT apiId" of every event in the outbox
    std::vector<std::string> out;
    const auto state = store_->snapshot();
    for (const auto& [key, stored] : state.of(outbox_->records().events)) {
      const auto body = json::parse("{" + stored.value.members + "}");
      out.push_back(body["events"].get<std::string>() + " " +
                    body["eventDetail"]["apiIds"][0].get<std::string>());
    }
    return out;
  }

  store::TestDirectory directory_;
  ManualClock clock_;
  EventLoop loop_;
  notify::CallbackPolicy policy_{{}};
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<registry::ServiceManagement> services_;
  std::unique_ptr<Capif> capif_;
  http::Handlers handlers_;
  size_t page_size_ = 1000;
};

TEST_F(CapifTest, WhatIsPublishedIsAServiceAndEndsAsOne) {
  const auto id = publish();
  EXPECT_EQ(json::parse(call("getAppService", id).body)["serName"], "maps");
  auto body = json::parse(call("getPublishedApi", id).body);
  body["description"] = "for people who know the way";
  EXPECT_EQ(call("putPublishedApi", id, body).status, 200);
  EXPECT_EQ(json::parse(call("getPublishedApi", id).body)["description"], body["description"]);
  EXPECT_EQ(call("deleteAppService", id).status, 204);
  EXPECT_EQ(call("getPublishedApi", id).status, 404);
}

struct PatchCase {
  json patch;
  int status;
};

TEST_F(CapifTest, APatchHasToLeaveADescription) {
  const auto id = publish();
  for (const auto& [patch, status] : std::vector<PatchCase>{
           {{{"description", "new"}}, 200},
           {{{"description", nullptr}}, 200},
           {{{"apiName", nullptr}}, 400},
           {{{"apiName", 7}}, 400},
           {{{"apiName", ""}}, 400},
           {{{"apiId", "another"}}, 400},
           {{{"aefProfiles", json::array()}}, 400},
           {{{"aefProfiles", "none"}}, 400},
           {{{"aefProfiles", {7}}}, 400},
           {{{"aefProfiles", {{{"aefId", "x"}}}}}, 400},
           {{{kServiceInfo, 7}}, 400},
           {{{kServiceInfo, {{"state", "ASLEEP"}}}}, 400},
           {{{kServiceInfo, {{"category", 7}}}}, 400},
           {{{kServiceInfo, {{"state", "INACTIVE"}}}}, 200},
       }) {
    const auto before = call("getPublishedApi", id).body;
    const auto reply = call("patchPublishedApi", id, patch);
    EXPECT_EQ(reply.status, status) << patch << reply.body;
    if (status != 200) {
      EXPECT_EQ(call("getPublishedApi", id).body, before) << patch;
    }
  }
  EXPECT_EQ(json::parse(call("getAppService", id).body)["state"], "INACTIVE");
}

TEST_F(CapifTest, DiscoveryComesInPages) {
  std::set<std::string> wanted;
  for (int i = 0; i < 7; ++i) wanted.insert(publish());
  publish(test_api("other"));
  page_size_ = 3;
  std::vector<std::string> seen;
  std::string query = "api-name=maps";
  size_t pages = 0;
  while (!query.empty()) {
    ASSERT_LE(++pages, 3U);
    const auto reply = call("discoverApis", {}, {}, query);
    ASSERT_EQ(reply.status, 200);
    const auto body = json::parse(reply.body);
    for (const auto& api : body["serviceAPIDescriptions"]) seen.push_back(api["apiId"]);
    const std::string link(reply.headers.get("Link").value_or(""));
    const auto at = link.find('?');
    query = at == std::string::npos ? "" : link.substr(at + 1, link.find('>') - at - 1);
  }
  EXPECT_EQ(seen, std::vector<std::string>(wanted.begin(), wanted.end()));
}

TEST_F(CapifTest, DiscoveryShowsTheProfilesThatMatch) {
  auto body = test_api();
  body["aefProfiles"].push_back(test_profile("aef-2"));
  publish(body);
  const auto reply = json::parse(call("discoverApis", {}, {}, "aef-id=aef-2").body);
  const auto& profiles = reply["serviceAPIDescriptions"][0]["aefProfiles"];
  ASSERT_EQ(profiles.size(), 1U);
  EXPECT_EQ(profiles[0]["aefId"], "aef-2");
  EXPECT_EQ(call("discoverApis", {}, {}, "api-name=none").body, R"({"serviceAPIDescriptions":[]})");
}

TEST_F(CapifTest, OnlyTheCallersOwnIsPublishedAndSubscribed) {
  for (const auto* operation : {"publishApi", "listPublishedApis", "getPublishedApi",
                                "putPublishedApi", "patchPublishedApi", "unpublishApi",
                                "createCapifSubscription", "deleteCapifSubscription"}) {
    EXPECT_EQ(call(operation, "x", test_api(), {}, "app-2").status, 403) << operation;
  }
  EXPECT_EQ(call("discoverApis", {}, {}, "api-invoker-id=app-2").status, 403);
  EXPECT_EQ(call("discoverApis", {}, {}, "api-invoker-id=app-1").status, 200);
}

struct EventCase {
  std::string name;
  json filter;                      // of eventFilters; null: none
  std::vector<std::string> events;  // subscribed
  std::vector<std::string> told;    // of: published, changed, unpublished
};

class Events : public CapifTest, public testing::WithParamInterface<EventCase> {};

TEST_P(Events, AreToldToThoseWhoAsked) {
  const auto& c = GetParam();
  json body = {{"events", c.events}, {"notificationDestination", "http://10.9.0.3/hook"}};
  if (!c.filter.is_null()) body["eventFilters"] = json::array({c.filter});
  const auto subscribed = call("createCapifSubscription", {}, body);
  ASSERT_EQ(subscribed.status, 201) << subscribed.body;
  const auto id = publish();
  auto changed = test_api();
  changed["description"] = "another";
  ASSERT_EQ(call("putPublishedApi", id, changed).status, 200);
  ASSERT_EQ(call("unpublishApi", id).status, 204);
  std::vector<std::string> wanted;
  for (const auto& event : c.told) wanted.push_back(event + " " + id);
  EXPECT_EQ(told(), wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Events,
    testing::Values(
        EventCase{"all",
                  nullptr,
                  {"SERVICE_API_AVAILABLE", "SERVICE_API_UPDATE", "SERVICE_API_UNAVAILABLE"},
                  {"SERVICE_API_AVAILABLE", "SERVICE_API_UPDATE", "SERVICE_API_UNAVAILABLE"}},
        EventCase{"update_alone", nullptr, {"SERVICE_API_UPDATE"}, {"SERVICE_API_UPDATE"}},
        EventCase{"of_the_aef",
                  {{"aefIds", {"aef-1"}}},
                  {"SERVICE_API_UNAVAILABLE"},
                  {"SERVICE_API_UNAVAILABLE"}},
        EventCase{"of_another_aef", {{"aefIds", {"aef-2"}}}, {"SERVICE_API_UNAVAILABLE"}, {}},
        EventCase{"of_another_api", {{"apiIds", {"x"}}}, {"SERVICE_API_AVAILABLE"}, {}}),
    [](const auto& p) { return p.param.name; });

TEST_F(CapifTest, RefusesEventsThatItDoesNotHave) {
  json body = {{"events", {"SERVICE_API_INVOCATION_SUCCESS"}},
               {"notificationDestination", "http://10.9.0.3/hook"}};
  auto reply = call("createCapifSubscription", {}, body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("events[0]: is no event of this platform"));
  body["events"] = {"SERVICE_API_UPDATE"};
  body["eventFilters"] = {json::object(), json::object()};
  EXPECT_EQ(call("createCapifSubscription", {}, body).status, 400);
  body.erase("eventFilters");
  body["eventReq"] = {{"immRep", true}};
  EXPECT_EQ(call("createCapifSubscription", {}, body).status, 422);
}

}  // namespace
}  // namespace sluice::mep::capif
