#include "notify/subscription_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/http/pending_response.h"
#include "notify/expiry.h"
#include "notify/subscription_index.h"

namespace sluice::notify {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr auto kApps = "/api/v1/applications/";

class SubscriptionResourceTest : public testing::Test {
 protected:
  SubscriptionResourceTest() {
    std::string name = testing::TempDir() + "/subscriptions-XXXXXX";
    directory_ = mkdtemp(name.data());
    store::Schema schema;
    records_ = Records::add_to(schema);
    store_ = std::move(*store::Store::open(directory_ + "/test.db", std::move(schema), clock_));
    outbox_.emplace(records_);
    make("ws://mep/n");
  }
  ~SubscriptionResourceTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void make(const std::string& websocket_base, SubscriptionBounds bounds = {}) {
    SubscriptionApi api;
    api.name = "api";
    api.path = [](const std::string& owner) { return kApps + owner + "/subscriptions"; };
    api.owner = [](const Request& r) -> Result<std::string> {
      const auto& app = r.path_param("appInstanceId");
      if (app == "other") return fail(ErrorCode::kPermissionDenied, "not yours");
      return app;
    };
    api.types["T"] = [](const json& body, const std::string&) -> Result<json> {
      if (!body.contains("filter")) return json::object();
      if (!body["filter"].is_string()) return bad_field("filter", "must be a string");
      return json{{"filter", body["filter"]}};
    };
    api.types["U"] = api.types["T"];
    api.max_per_owner = 3;
    resource_.emplace(
        SubscriptionSite{*store_, *outbox_, policy_, websocket_base, "http://mep", bounds},
        std::move(api));
  }

  static Request request(json body, const std::string& id = {}, const std::string& app = "app") {
    Request out;
    out.path_params = {{"appInstanceId", app}, {"subscriptionId", id}};
    out.json = std::move(body);
    return out;
  }
  Response create(json body, const std::string& app = "app") {
    return http::await(resource_->create(request(std::move(body), {}, app)));
  }
  // The id of a new subscription.
  std::string made(const json& body) {
    const auto reply = create(body);
    EXPECT_EQ(reply.status, 201) << reply.body;
    const std::string location(reply.headers.get("Location").value_or(""));
    return location.substr(location.rfind('/') + 1);
  }
  Subscription stored(const std::string& id) {
    const auto state = store_->snapshot();
    const auto* found = state.find(records_.subscriptions, subscription_key("api", "app", id));
    return found == nullptr ? Subscription{} : found->value;
  }
  std::vector<Event> events() {
    const auto state = store_->snapshot();
    std::vector<Event> out;
    for (const auto& [key, event] : state.of(records_.events)) out.push_back(event.value);
    return out;
  }

  ManualClock clock_;
  const CallbackPolicy policy_{CallbackRules{}};
  std::string directory_;
  Records records_;
  std::unique_ptr<store::Store> store_;
  std::optional<Outbox> outbox_;
  std::optional<SubscriptionResource> resource_;
};

const json kValid = {
    {"subscriptionType", "T"}, {"callbackReference", "http://192.0.2.1/x"}, {"filter", "f"}};

json with(json body, const json& patch) {
  body.merge_patch(patch);
  return body;
}

TEST_F(SubscriptionResourceTest, LivesFromPostToDelete) {
  const auto reply = create(kValid);
  ASSERT_EQ(reply.status, 201) << reply.body;
  const auto location = std::string(*reply.headers.get("Location"));
  EXPECT_THAT(location, StartsWith("http://mep/api/v1/applications/app/subscriptions/"));
  const auto id = location.substr(location.rfind('/') + 1);
  EXPECT_EQ(json::parse(reply.body), with(kValid, {{"_links", {{"self", {{"href", location}}}}}}));

  const auto read = resource_->read(request({}, id));
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.body, reply.body);
  EXPECT_EQ(read.headers.get("ETag"), reply.headers.get("ETag"));
  EXPECT_EQ(
      json::parse(resource_->list(request({})).body),
      json::parse(R"({"_links":{"self":{"href":"http://mep/api/v1/applications/app/subscriptions"},
              "subscriptions":[{"href":")" +
                  location + R"(","subscriptionType":"T"}]}})"));

  EXPECT_EQ(http::await(resource_->remove(request({}, id))).status, 204);
  EXPECT_EQ(resource_->read(request({}, id)).status, 404);
  EXPECT_EQ(http::await(resource_->remove(request({}, id))).status, 404);
  EXPECT_THAT(json::parse(resource_->list(request({})).body)["_links"]["subscriptions"], IsEmpty());
}

TEST_F(SubscriptionResourceTest, RefusesWhatItCannotCarryOut) {
  struct Case {
    json body;
    int status;
    const char* detail;
  };
  const Case cases[] = {
      {"text", 400, "object"},
      {with(kValid, {{"subscriptionType", nullptr}}), 400, "subscriptionType: is required"},
      {with(kValid, {{"subscriptionType", "X"}}), 400, "none of T, U"},
      {with(kValid, {{"callbackReference", nullptr}}), 400, "callbackReference: one of"},
      {with(kValid, {{"callbackReference", ""}}), 400, "callbackReference"},
      {with(kValid, {{"callbackReference", 7}}), 400, "callbackReference"},
      {with(kValid, {{"callbackReference", "http://127.0.0.1/"}}), 403, "loopback"},
      {with(kValid, {{"callbackReference", "ftp://192.0.2.1/"}}), 400, "http://"},
      {with(kValid, {{"websockNotifConfig", 1}}), 400, "websockNotifConfig"},
      {with(kValid, {{"websockNotifConfig", {{"requestWebsocketUri", "yes"}}}}), 400,
       "websockNotifConfig.requestWebsocketUri"},
      {{{"subscriptionType", "T"}, {"websockNotifConfig", {{"requestWebsocketUri", false}}}},
       400,
       "one of"},
      {with(kValid, {{"requestTestNotification", 1}}), 400, "requestTestNotification"},
      {with(kValid, {{"expiryDeadline", {{"seconds", 1}}}}), 400, "expiryDeadline.nanoSeconds"},
      {with(kValid, {{"expiryDeadline", {{"seconds", 1}, {"nanoSeconds", 0}}}}), 400, "passed"},
      {with(kValid, {{"filter", 1}}), 400, "filter"},
  };
  for (const auto& c : cases) {
    const auto reply = create(c.body);
    EXPECT_EQ(reply.status, c.status) << c.body << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.detail)) << c.body;
  }
  EXPECT_EQ(create(kValid, "other").status, 403);
  make("");
  EXPECT_EQ(
      create({{"subscriptionType", "T"}, {"websockNotifConfig", {{"requestWebsocketUri", true}}}})
          .status,
      422);
}

TEST_F(SubscriptionResourceTest, KeepsOwnersApart) {
  const auto id = made(kValid);
  EXPECT_EQ(resource_->read(request({}, id, "stranger")).status, 404);
  EXPECT_EQ(http::await(resource_->remove(request({}, id, "stranger"))).status, 404);
  EXPECT_EQ(http::await(resource_->replace(request(kValid, id, "stranger"))).status, 404);
  EXPECT_EQ(resource_->list(request({}, {}, "other")).status, 403);
}

TEST_F(SubscriptionResourceTest, BoundsSubscriptionsOfAnOwner) {
  for (int i = 0; i < 3; ++i) made(kValid);
  EXPECT_EQ(create(kValid).status, 403);
  EXPECT_EQ(create(kValid, "another").status, 201);
}

TEST_F(SubscriptionResourceTest, BoundsTheirOctetsToo) {
  const auto large = [&](size_t octets) {
    return with(kValid, {{"filter", std::string(octets, 'x')}});
  };
  make("ws://mep/n", {.octets_of_owner = 2'000, .all = 5, .all_octets = 4'000});
  const auto id = made(large(1'500));
  EXPECT_THAT(create(large(1'000)).body, HasSubstr("octets together"));
  EXPECT_EQ(http::await(resource_->replace(request(large(2'000), id))).status, 403);
  EXPECT_EQ(http::await(resource_->replace(request(large(500), id))).status, 200);
  EXPECT_EQ(create(large(1'000)).status, 201);  // there is room again
  EXPECT_EQ(create(large(1'500), "another").status, 201);
  EXPECT_THAT(create(large(1'500), "a third").body, HasSubstr("the site takes 4000 octets"));
  EXPECT_EQ(create(kValid, "a third").status, 201);
  EXPECT_EQ(create(kValid, "a third").status, 201);
  EXPECT_THAT(create(kValid, "a fourth").body, HasSubstr("the site takes 5 subscriptions"));
  // Bounds that were lowered since leave what is there, and let it shrink.
  make("ws://mep/n", {.octets_of_owner = 100, .all = 1, .all_octets = 100});
  EXPECT_EQ(http::await(resource_->replace(request(large(400), id))).status, 200);
  EXPECT_EQ(create(kValid).status, 403);
}

TEST_F(SubscriptionResourceTest, IsReplacedOnConditions) {
  const auto id = made(kValid);
  const auto etag = std::string(*resource_->read(request({}, id)).headers.get("ETag"));
  auto put = request(with(kValid, {{"filter", "g"}}), id);
  put.headers.add("If-Match", etag);
  const auto replaced = http::await(resource_->replace(put));
  EXPECT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(json::parse(replaced.body)["filter"], "g");
  EXPECT_NE(*replaced.headers.get("ETag"), etag);
  EXPECT_EQ(http::await(resource_->replace(put)).status, 412);
  EXPECT_EQ(http::await(resource_->remove(put)).status, 412);
  EXPECT_EQ(http::await(resource_->replace(request(with(kValid, {{"subscriptionType", "U"}}), id)))
                .status,
            400);
}

TEST_F(SubscriptionResourceTest, OffersAWebSocketWhereAsked) {
  const json body = {{"subscriptionType", "T"},
                     {"websockNotifConfig", {{"requestWebsocketUri", true}}}};
  const auto reply = json::parse(create(body).body);
  const auto uri = reply["websockNotifConfig"]["websocketUri"].get<std::string>();
  EXPECT_THAT(uri, StartsWith("ws://mep/n/"));
  EXPECT_THAT(uri, SizeIs(11 + 44));
  EXPECT_FALSE(reply.contains("callbackReference"));
  const auto both = with(kValid, body);
  EXPECT_FALSE(json::parse(create(both).body).contains("websockNotifConfig"));
  EXPECT_FALSE(stored(made(with(both, {{"requestTestNotification", false}}))).websocket_fallback);
}

TEST_F(SubscriptionResourceTest, SendsATestNotificationWhenAsked) {
  const auto id = made(with(kValid, {{"requestTestNotification", true}}));
  ASSERT_THAT(events(), SizeIs(1));
  EXPECT_EQ(events()[0].kind, EventKind::kTest);
  EXPECT_THAT(events()[0].to, ElementsAre(id));
  EXPECT_FALSE(stored(id).websocket_fallback);
  EXPECT_TRUE(stored(made(with(kValid, {{"requestTestNotification", true},
                                        {"websockNotifConfig", {{"requestWebsocketUri", true}}}})))
                  .websocket_fallback);
}

TEST_F(SubscriptionResourceTest, ExpiresWithNotice) {
  const auto deadline = clock_.wall() + 100s;
  const auto id = made(with(kValid, {{"expiryDeadline", time_stamp(deadline)}}));
  const auto key = subscription_key("api", "app", id);
  const auto step = [&] {
    EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      expire(change, *outbox_, key, clock_.wall(), 30s);
      return {};
    }));
  };
  const auto version = stored(id).version;
  EXPECT_EQ(next_expiry_step(stored(id), 30s), deadline - 30s);
  EXPECT_EQ(next_expiry_step(stored(id), 90s), deadline - 50s) << "not before half of the time";
  clock_.advance(69s);
  step();
  EXPECT_THAT(events(), IsEmpty());
  clock_.advance(1s);
  step();
  ASSERT_THAT(events(), SizeIs(1));
  EXPECT_EQ(events()[0].kind, EventKind::kExpiry);
  EXPECT_EQ(stored(id).version, version) << "clients see the same version";
  step();
  EXPECT_THAT(events(), SizeIs(1)) << "announced once";

  const auto later = deadline + 50s;
  EXPECT_EQ(http::await(resource_->replace(
                            request(with(kValid, {{"expiryDeadline", time_stamp(later)}}), id)))
                .status,
            200);
  clock_.advance(60s);
  step();
  EXPECT_EQ(resource_->read(request({}, id)).status, 200) << "prolonged";
  clock_.advance(20s);
  step();
  EXPECT_EQ(resource_->read(request({}, id)).status, 404);
}

TEST_F(SubscriptionResourceTest, IsFoundByItsFilter) {
  SubscriptionIndex<std::string> index(
      records_, "api", "T", [](const Subscription& s) { return s.body.value("filter", ""); });
  const auto find = [&](const std::string& wanted) {
    return index.find(store_->snapshot(),
                      [&](const std::string& f, const auto&) { return f == wanted; });
  };
  const auto f = made(kValid);
  made(with(kValid, {{"subscriptionType", "U"}}));
  EXPECT_THAT(find("f"), ElementsAre(f));
  http::await(resource_->replace(request(with(kValid, {{"filter", "g"}}), f)));
  EXPECT_THAT(find("f"), IsEmpty());
  EXPECT_THAT(find("g"), ElementsAre(f));
  http::await(resource_->remove(request({}, f)));
  EXPECT_THAT(find("g"), IsEmpty());
}

TEST_F(SubscriptionResourceTest, EndsWithItsOwner) {
  made(kValid);
  made(kValid);
  create(kValid, "app2");
  EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
    resource_->remove_all(change, "app");
    return {};
  }));
  const auto state = store_->snapshot();
  EXPECT_EQ(state.of(records_.subscriptions).size(), 1U);
}

}  // namespace
}  // namespace sluice::notify
