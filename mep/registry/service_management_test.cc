// The registry on a real store: what handlers, liveness and notifications make of it.
#include "mep/registry/service_management.h"

#include <filesystem>

#include "auth/token_service.h"
#include "base/http/pending_response.h"
#include "mep/registry/test_services.h"

namespace sluice::mep::registry {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class ServiceManagementTest : public testing::Test {
 protected:
  ServiceManagementTest() {
    std::string name = testing::TempDir() + "/registry-XXXXXX";
    directory_ = mkdtemp(name.data());
    start();
  }
  ~ServiceManagementTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start(ServiceOptions options = {}) {
    store::Schema schema;
    records_ = Records::add_to(schema);
    outbox_ = std::make_unique<notify::Outbox>(notify::Records::add_to(schema));
    store_ = std::move(*store::Store::open(directory_ + "/test.db", std::move(schema), clock_));
    management_ = std::make_unique<ServiceManagement>(
        ServiceSite{loop_, clock_, records_,
                    notify::SubscriptionSite{*store_, *outbox_, policy_, "", "http://mep"},
                    [this](const store::Snapshot&, std::string_view app) { return app != gone_; }},
        options);
    handlers_ = management_->handlers();
  }
  void stop() {
    handlers_.clear();
    management_.reset();
    store_.reset();
  }

  http::Response call(const std::string& operation, const std::string& service = {},
                      const json& body = {}, const std::string& query = {},
                      const std::string& if_match = {}) {
    http::Request request;
    request.path_params = {{"appInstanceId", app_}, {"serviceId", service}};
    request.json = body;
    request.query = http::Query::parse(query).value();
    request.target = "/x?" + query;
    if (!if_match.empty()) request.headers.set("If-Match", if_match);
    http::Principal principal{"client", {}, {}};
    principal.claims.emplace(auth::kAppInstanceClaim, token_app_);
    request.principal = std::make_shared<const http::Principal>(std::move(principal));
    return http::await(handlers_.at(operation)(request));
  }
  std::string add(const json& body = test_service()) {
    return json::parse(call("registerService", {}, body).body).at("serInstanceId");
  }
  json found(const std::string& query) {
    auto names = json::array();
    for (const auto& s : json::parse(call("listServices", {}, {}, query).body)) {
      names.push_back(s["serName"]);
    }
    return names;
  }
  void subscribe(const json& criteria = json::object()) {
    const auto reply = call("createServiceSubscription", {},
                            {{"subscriptionType", kSubscriptionType},
                             {"callbackReference", "http://10.9.0.3/hook"},
                             {"filteringCriteria", criteria}});
    ASSERT_EQ(reply.status, 201) << reply.body;
  }
  // The changes told since it was last asked, as "TYPE name state", a string per notification.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    const auto state = store_->snapshot();
    for (const auto& [key, stored] : state.of(outbox_->records().events)) {
      if (key <= last_event_) continue;
      last_event_ = key;
      std::string text;
      const auto body = json::parse("{" + stored.value.members + "}");
      for (const auto& r : body["serviceReferences"]) {
        text += (text.empty() ? "" : "; ") + r["changeType"].get<std::string>() + " " +
                r["serName"].get<std::string>() + " " + r["state"].get<std::string>();
      }
      out.push_back(text);
    }
    return out;
  }
  std::string state_of(const std::string& id) {
    return json::parse(call("getService", id).body).at("state");
  }
  // Lets the loop look at the beats, and waits for what follows from it.
  void check_beats(std::chrono::milliseconds later) {
    clock_.advance(later);
    Liveness& liveness = management_->api().liveness;
    liveness.check();
    (void)store_->change([](store::Transaction&) -> Result<void> { return {}; });
  }

  std::string directory_;
  ManualClock clock_;
  EventLoop loop_;
  notify::CallbackPolicy policy_{{}};
  Records records_;
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ServiceManagement> management_;
  http::Handlers handlers_;
  std::string app_ = "app-1";
  std::string token_app_ = "app-1";
  std::string gone_;
  std::string last_event_;
};

json beating(uint32_t interval = 10) {
  auto out = test_service();
  out["livenessInterval"] = interval;
  return out;
}

TEST_F(ServiceManagementTest, RegistersFindsReplacesAndRemoves) {
  const auto reply = call("registerService", {}, test_service());
  ASSERT_EQ(reply.status, 201) << reply.body;
  const auto body = json::parse(reply.body);
  const std::string id = body["serInstanceId"];
  EXPECT_EQ(reply.headers.get("Location"),
            "http://mep/mec_service_mgmt/v1/applications/app-1/services/" + id);
  EXPECT_EQ(body["_links"]["self"]["href"], *reply.headers.get("Location"));
  EXPECT_EQ(found("ser_name=video"), json({"video"}));

  auto changed = body;
  changed["version"] = "2.0";
  const std::string tag(*reply.headers.get("ETag"));
  const auto put = call("putAppService", id, changed, {}, tag);
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(call("putAppService", id, changed, {}, tag).status, 412);
  EXPECT_EQ(json::parse(call("getAppService", id).body)["version"], "2.0");
  EXPECT_EQ(json::parse(call("getService", id).body)["_links"]["self"]["href"],
            "http://mep/mec_service_mgmt/v1/services/" + id);

  EXPECT_EQ(call("deleteAppService", id).status, 204);
  EXPECT_EQ(call("deleteAppService", id).status, 404);
  EXPECT_EQ(call("getService", id).status, 404);
  EXPECT_EQ(found(""), json::array());
}

TEST_F(ServiceManagementTest, SaidAgainUnchangedTheVersionStays) {
  const auto reply = call("registerService", {}, test_service());
  const auto body = json::parse(reply.body);
  EXPECT_EQ(call("putAppService", body["serInstanceId"], body).headers.get("ETag"),
            reply.headers.get("ETag"));
}

TEST_F(ServiceManagementTest, KeepsAppsApart) {
  const auto id = add();
  token_app_ = "app-2";
  for (const auto* operation :
       {"listAppServices", "getAppService", "putAppService", "deleteAppService", "registerService",
        "getServiceLiveness", "beatService", "listServiceSubscriptions"}) {
    EXPECT_EQ(call(operation, id, test_service()).status, 403) << operation;
  }
  app_ = "app-2";  // its own now, but not the service
  EXPECT_EQ(call("getAppService", id).status, 404);
  EXPECT_EQ(call("deleteAppService", id).status, 404);
  EXPECT_EQ(call("getService", id).status, 200);
  gone_ = "app-2";
  EXPECT_EQ(call("registerService", {}, test_service()).status, 404);
}

TEST_F(ServiceManagementTest, TheTransportIsOneOfTwo) {
  auto body = test_service();
  body["transportId"] = "rest-http1";
  EXPECT_EQ(call("registerService", {}, body).status, 400);
  body.erase("transportInfo");
  const auto reply = call("registerService", {}, body);
  ASSERT_EQ(reply.status, 201) << reply.body;
  auto shown = json::parse(reply.body);
  EXPECT_FALSE(shown.contains("transportId"));
  EXPECT_EQ(shown["transportInfo"]["security"]["oAuth2Info"]["tokenEndpoint"],
            "http://mep/oauth2/token");
  const std::string id = shown["serInstanceId"];
  shown["state"] = "INACTIVE";  // a client that sends back what it read
  EXPECT_EQ(call("putAppService", id, shown).status, 200);
  body["transportId"] = "carrier-pigeon";
  EXPECT_EQ(call("registerService", {}, body).status, 400);
  body.erase("transportId");
  EXPECT_EQ(call("registerService", {}, body).status, 400);
  EXPECT_EQ(call("putAppService", id, body).status, 200);  // the transport stays
}

TEST_F(ServiceManagementTest, TellsSubscribersWhatHappened) {
  subscribe({{"serNames", {"video"}}});
  const auto id = add();
  EXPECT_EQ(told(), std::vector<std::string>{"ADDED video ACTIVE"});
  auto body = test_service();
  body["state"] = "INACTIVE";
  call("putAppService", id, body);
  EXPECT_EQ(told(), std::vector<std::string>{"STATE_CHANGED video INACTIVE"});
  body["version"] = "2";
  body["state"] = "ACTIVE";
  call("putAppService", id, body);
  EXPECT_EQ(told(), std::vector<std::string>{"ATTRIBUTES_CHANGED video ACTIVE"});
  add(test_service("other"));
  EXPECT_EQ(told(), std::vector<std::string>{});
  call("deleteAppService", id);
  EXPECT_EQ(told(), std::vector<std::string>{"REMOVED video ACTIVE"});
}

TEST_F(ServiceManagementTest, AnAppThatEndsTakesItsServicesAndSubscriptionsWithIt) {
  subscribe();
  add(test_service("a"));
  add(test_service("b"));
  app_ = token_app_ = "app-2";
  subscribe();
  told();
  ASSERT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
    management_->withdraw(change, "app-1");
    return {};
  }));
  EXPECT_EQ(found(""), json::array());
  const auto news = told();  // one notification about both, for app-2 alone
  ASSERT_EQ(news.size(), 1U);
  EXPECT_THAT(news[0], testing::HasSubstr("REMOVED a ACTIVE"));
  EXPECT_THAT(news[0], testing::HasSubstr("REMOVED b ACTIVE"));
  EXPECT_EQ(call("listServiceSubscriptions").status, 200);
  app_ = token_app_ = "app-1";
  const auto rest = json::parse(call("listServiceSubscriptions").body);
  EXPECT_EQ(rest["_links"]["subscriptions"], json::array());
}

TEST_F(ServiceManagementTest, SilenceSuspendsAndABeatRestores) {
  subscribe();
  const auto id = add(beating());
  EXPECT_EQ(told(), std::vector<std::string>{"ADDED video ACTIVE"});
  check_beats(14s);  // late, but within the grace
  EXPECT_EQ(state_of(id), "ACTIVE");
  EXPECT_EQ(call("beatService", id, {{"state", "ACTIVE"}}).status, 204);
  check_beats(14s);
  EXPECT_EQ(state_of(id), "ACTIVE");
  check_beats(1s);
  EXPECT_EQ(state_of(id), "SUSPENDED");
  EXPECT_EQ(told(), std::vector<std::string>{"STATE_CHANGED video SUSPENDED"});
  check_beats(100s);
  EXPECT_EQ(told(), std::vector<std::string>{});
  EXPECT_EQ(call("beatService", id, {{"state", "ACTIVE"}}).status, 204);
  EXPECT_EQ(state_of(id), "ACTIVE");
  EXPECT_EQ(told(), std::vector<std::string>{"STATE_CHANGED video ACTIVE"});
}

TEST_F(ServiceManagementTest, ServicesThatNeedNotBeatAreLeftAlone) {
  const auto quiet = add();
  auto body = beating();
  body["state"] = "INACTIVE";
  const auto inactive = add(body);
  check_beats(1h);
  EXPECT_EQ(state_of(quiet), "ACTIVE");
  EXPECT_EQ(state_of(inactive), "INACTIVE");
  EXPECT_EQ(call("getServiceLiveness", quiet).status, 404);
  EXPECT_EQ(call("beatService", quiet, {{"state", "ACTIVE"}}).status, 404);
}

TEST_F(ServiceManagementTest, AfterARestartTheSilentAreSuspendedAndNotResurrected) {
  const auto silent = add(beating());
  const auto suspended = add(beating());
  check_beats(5s);
  call("beatService", silent, {{"state", "ACTIVE"}});
  check_beats(10s);
  ASSERT_EQ(state_of(suspended), "SUSPENDED");
  stop();
  start();
  check_beats(0s);
  EXPECT_EQ(state_of(silent), "ACTIVE");  // it could not beat while nobody listened
  EXPECT_EQ(state_of(suspended), "SUSPENDED");
  check_beats(15s);
  EXPECT_EQ(state_of(silent), "SUSPENDED");
  EXPECT_EQ(call("beatService", suspended, {{"state", "ACTIVE"}}).status, 204);
  EXPECT_EQ(state_of(suspended), "ACTIVE");
}

TEST_F(ServiceManagementTest, LivenessShowsTheLastBeatAndAnIntervalWithinBounds) {
  const auto id = add(beating(0));
  clock_.advance(2s);
  call("beatService", id, {{"state", "ACTIVE"}});
  const auto info = json::parse(call("getServiceLiveness", id).body);
  EXPECT_EQ(info["interval"], LivenessRules{}.usual_s);
  EXPECT_EQ(info["state"], "ACTIVE");
  const auto wall =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch());
  EXPECT_EQ(info["timeStamp"]["seconds"], wall.count());
  EXPECT_EQ(json::parse(call("getService", id).body)["_links"]["liveness"]["href"],
            "http://mep/mec_service_mgmt/v1/applications/app-1/services/" + id + "/liveness");

  stop();  // the operator has other ideas
  ServiceOptions options;
  options.liveness.usual_s = 60;
  start(options);
  const auto reply = call("beatService", id, {{"state", "ACTIVE"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(json::parse(reply.body)["interval"], 60);
  EXPECT_EQ(call("beatService", id, {{"state", "ACTIVE"}}).status, 204);
}

TEST_F(ServiceManagementTest, CountsAreBounded) {
  stop();
  start(
      {.limits = {.services = 3, .services_of_app = 2}, .liveness = {}, .subscriptions_of_app = 1});
  add();
  add();
  EXPECT_EQ(call("registerService", {}, test_service()).status, 403);
  subscribe();
  app_ = token_app_ = "app-2";
  add();
  EXPECT_EQ(call("registerService", {}, test_service()).status, 403);
}

json large(size_t octets) {
  auto out = test_service();
  out["transportInfo"]["implSpecificInfo"] = {{"x", std::string(octets, 'x')}};
  return out;
}

TEST_F(ServiceManagementTest, OctetsAreBounded) {
  ServiceOptions options;
  options.limits = {.service_bytes = 5'000, .bytes = 12'000, .bytes_of_app = 8'000};
  stop();
  start(options);
  const auto refused = [&](const json& body) {
    const auto reply = call("registerService", {}, body);
    return reply.status == 201 ? "" : json::parse(reply.body)["detail"].get<std::string>();
  };
  EXPECT_THAT(refused(large(5'000)), testing::HasSubstr("5000 at most are taken"));
  const auto first = add(large(4'000));
  EXPECT_EQ(refused(large(1'000)), "");
  EXPECT_THAT(refused(large(4'000)), testing::HasSubstr("may have 8000 octets together"));
  stop();  // what is there counts from the start on
  start(options);
  EXPECT_THAT(refused(large(4'000)), testing::HasSubstr("may have 8000 octets together"));
  EXPECT_EQ(call("putAppService", first, large(1'000)).status, 200);  // frees
  const auto second = add(large(2'500));
  EXPECT_EQ(call("putAppService", second, large(4'300)).status, 403);
  EXPECT_EQ(call("deleteAppService", second).status, 204);
  const auto third = add(large(4'000));
  app_ = token_app_ = "app-2";
  EXPECT_THAT(refused(large(4'300)), testing::HasSubstr("the registry takes 12000 octets"));
  EXPECT_EQ(refused(test_service()), "");
  app_ = token_app_ = "app-1";
  options.limits.bytes = options.limits.bytes_of_app = 2'000;  // the operator has other ideas
  stop();
  start(options);
  EXPECT_EQ(call("putAppService", third, large(3'900)).status, 200);  // it shrinks
  EXPECT_EQ(call("putAppService", third, large(3'950)).status, 403);
}

TEST_F(ServiceManagementTest, ListsAreLookedUpInParts) {
  for (int i = 0; i < 300; ++i) add(test_service(i % 2 == 0 ? "even" : "odd"));
  EXPECT_EQ(found("ser_name=even").size(), 150U);
  EXPECT_EQ(found("ser_name=even&ser_name=odd").size(), 300U);
  EXPECT_EQ(found("ser_name=even&filter=(eq,state,INACTIVE)").size(), 0U);
  EXPECT_EQ(found("filter=(eq,serName,odd)").size(), 150U);
  EXPECT_EQ(found("filter=(cont,serName,v)").size(), 150U);
  EXPECT_EQ(found("is_local=false").size(), 0U);
  const auto ids = json::parse(call("listServices", {}, {}, "fields=state").body);
  ASSERT_EQ(ids.size(), 300U);
  for (size_t i = 1; i < ids.size(); ++i) {
    EXPECT_LT(ids[i - 1]["serInstanceId"], ids[i]["serInstanceId"]);
  }
}

TEST_F(ServiceManagementTest, AnOwnersListLinksToItsOwnResources) {
  const auto id = add(beating());
  const auto shown = json::parse(call("getAppService", id).body);
  EXPECT_EQ(json::parse(call("listAppServices").body), json::array({shown}));
  EXPECT_EQ(json::parse(call("listServices").body),
            json::array({json::parse(call("getService", id).body)}));
  EXPECT_EQ(
      found("filter=(eq,_links/self/href,'http://mep/mec_service_mgmt/v1/services/" + id + "')"),
      json({"video"}));
}

TEST_F(ServiceManagementTest, OffersThePlatformsOwnApisUnderLastingIds) {
  ASSERT_TRUE(management_->offer({{"mec_app_support", "v1", "3.1.1", "platform"},
                                  {"mec_service_mgmt", "v1", "3.1.1", "platform"}}));
  const auto before = json::parse(call("listServices", {}, {}, "ser_name=mec_app_support").body);
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0]["transportInfo"]["endpoint"]["uris"],
            json({"http://mep/mec_app_support/v1"}));
  stop();
  start();
  ASSERT_TRUE(management_->offer({{"mec_app_support", "v1", "3.1.1", "platform"}}));
  EXPECT_EQ(json::parse(call("listServices").body), before);
}

TEST_F(ServiceManagementTest, ListsAreFilteredTrimmedAndLookedUp) {
  auto body = test_service("b");
  body["serCategory"] = test_category("media");
  const auto id = add(body);
  add(test_service("a"));
  add(test_service("a"));
  EXPECT_EQ(found("ser_name=a"), json({"a", "a"}));
  EXPECT_EQ(found("ser_category_id=media"), json({"b"}));
  EXPECT_EQ(found("ser_instance_id=" + id + ",nothing"), json({"b"}));
  EXPECT_EQ(found("filter=(eq,serName,b)"), json({"b"}));
  EXPECT_EQ(call("listServices", {}, {}, "ser_name=a&ser_category_id=media").status, 400);
  const auto trimmed = json::parse(call("listAppServices", {}, {}, "ser_name=b&fields=state").body);
  EXPECT_EQ(trimmed, json::array({{{"serInstanceId", id}, {"state", "ACTIVE"}}}));
}

}  // namespace
}  // namespace sluice::mep::registry
