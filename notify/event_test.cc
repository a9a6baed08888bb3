#include "notify/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "notify/backoff.h"
#include "notify/http_sender.h"
#include "notify/outbox.h"

namespace sluice::notify {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

Subscription subscription(NamedBy named_by = NamedBy::kLink) {
  Subscription s;
  s.id = "s1";
  s.href = "/api/subscriptions/s1";
  s.named_by = named_by;
  return s;
}

TEST(Event, IsCompletedForEachSubscriber) {
  struct Case {
    json body;
    const char* envelope;
    NamedBy named_by;
    json expected;
  };
  const json link = {{"subscription", {{"href", "/api/subscriptions/s1"}}}};
  const Case cases[] = {
      {{{"a", 1}}, "", NamedBy::kLink, {{"a", 1}, {"_links", link}}},
      {json::object(), "", NamedBy::kLink, {{"_links", link}}},
      {{{"a", 1}, {"_links", {{"x", {{"href", "/x"}}}}}},
       "",
       NamedBy::kLink,
       {{"a", 1}, {"_links", {{"x", {{"href", "/x"}}}, {"subscription", link["subscription"]}}}}},
      {{{"_links", {{"subscription", "somebody else's"}}}}, "", NamedBy::kLink, {{"_links", link}}},
      {{{"a", 1}}, "wrapped", NamedBy::kLink, {{"wrapped", {{"a", 1}, {"_links", link}}}}},
      {{{"a", 1}}, "", NamedBy::kId, {{"a", 1}, {"subscriptionId", "s1"}}},
      {json::object(), "", NamedBy::kId, {{"subscriptionId", "s1"}}},
  };
  for (const auto& c : cases) {
    const auto event = make_event(EventKind::kNotification, c.body, {}, {"s1"}, c.envelope);
    EXPECT_EQ(json::parse(notification_text(event, subscription(c.named_by))), c.expected);
    EXPECT_EQ(*event_from_json(json::parse(to_json(event).dump())), event);
  }
}

TEST(Event, IsJsonWhateverItsTexts) {
  const auto event =
      make_event(EventKind::kNotification, {{"name", "\xff\"\n"}}, {}, {"s1"}, "e\"");
  auto s = subscription();
  s.href = "/\"quoted\"";
  const auto parsed = json::parse(notification_text(event, s));
  EXPECT_EQ(parsed["e\""]["_links"]["subscription"]["href"], "/\"quoted\"");
  EXPECT_TRUE(json::accept(to_json(event).dump()));
}

TEST(Event, TestsAndExpiriesHaveTheirStandardForm) {
  const auto now = WallTime(std::chrono::seconds(1000) + std::chrono::nanoseconds(5));
  auto s = subscription();
  EXPECT_EQ(json::parse(notification_text(test_notification(s, now), s)),
            json::parse(R"({"notificationType":"TestNotification",
                            "_links":{"subscription":{"href":"/api/subscriptions/s1"}}})"));
  s.expiry = now + 10s;
  EXPECT_EQ(json::parse(notification_text(expiry_notification(s, now), s)),
            json::parse(R"({"notificationType":"ExpiryNotification",
                            "timeStamp":{"seconds":1000,"nanoSeconds":5},
                            "expiryDeadline":{"seconds":1010,"nanoSeconds":5},
                            "_links":{"subscription":{"href":"/api/subscriptions/s1"}}})"));
  s.named_by = NamedBy::kId;  // TS 29.122 §5.2.1.2.11
  EXPECT_EQ(json::parse(notification_text(test_notification(s, now), s)),
            json::parse(R"({"subscription":"/api/subscriptions/s1"})"));
}

TEST(TimeStamp, IsReadStrictly) {
  struct Case {
    const char* text;
    const char* field;  // of the error; null: valid
  };
  const Case cases[] = {
      {R"({"seconds":0,"nanoSeconds":0})", nullptr},
      {R"({"seconds":4294967295,"nanoSeconds":999999999})", nullptr},
      {R"({"seconds":4294967296,"nanoSeconds":0})", "t.seconds"},
      {R"({"seconds":-1,"nanoSeconds":0})", "t.seconds"},
      {R"({"seconds":18446744073709551615,"nanoSeconds":0})", "t.seconds"},
      {R"({"seconds":1.5,"nanoSeconds":0})", "t.seconds"},
      {R"({"seconds":"1","nanoSeconds":0})", "t.seconds"},
      {R"({"nanoSeconds":0})", "t.seconds"},
      {R"({"seconds":1})", "t.nanoSeconds"},
      {R"({"seconds":1,"nanoSeconds":1000000000})", "t.nanoSeconds"},
      {R"([1])", "t"},
  };
  for (const auto& c : cases) {
    const auto value = json::parse(c.text);
    const auto time = parse_time_stamp(value, "t");
    ASSERT_EQ(time.has_value(), c.field == nullptr) << c.text;
    if (time) {
      EXPECT_EQ(time_stamp(*time), value);
    } else {
      EXPECT_EQ(time.error().field, c.field) << c.text;
    }
  }
}

TEST(Subscription, ReadsBackWhatItWrites) {
  Subscription s = subscription(NamedBy::kId);
  EXPECT_EQ(*subscription_from_json(json::parse(to_json(s).dump())), s);
  s.api = "api";
  s.owner = "app/1";
  s.type = "T";
  s.body = {{"filter", {1, 2}}};
  s.callback = "http://a/";
  s.websocket_token = "t";
  s.websocket_fallback = s.test_requested = s.expiry_announced = true;
  s.expiry = WallTime(5s);
  s.created = WallTime(1s);
  s.version = 7;
  EXPECT_EQ(*subscription_from_json(json::parse(to_json(s).dump())), s);
  EXPECT_FALSE(subscription_from_json({{"id", 1}}));
}

TEST(Subscription, KeysOfOneOwnerStandTogetherAndApart) {
  EXPECT_TRUE(subscription_key("a", "x", "1").starts_with(subscription_prefix("a", "x")));
  EXPECT_TRUE(subscription_key("a", "x", "1").starts_with(subscription_prefix("a")));
  EXPECT_FALSE(subscription_key("a", "xy", "1").starts_with(subscription_prefix("a", "x")));
  EXPECT_FALSE(subscription_key("a", "x/y", "1").starts_with(subscription_prefix("a", "x")));
  EXPECT_EQ(new_subscription_id().size(), 20U);
  EXPECT_NE(new_websocket_token(), new_websocket_token());
}

TEST(Backoff, DoublesUpToABoundAndIsSpread) {
  std::mt19937 random(1);
  const BackoffRules rules{100ms, 1000ms};
  for (const auto& [failures, full] : std::vector<std::pair<unsigned, int64_t>>{
           {1, 100}, {2, 200}, {4, 800}, {5, 1000}, {4000000000, 1000}}) {
    for (int i = 0; i < 50; ++i) {
      const auto delay = backoff(rules, failures, random).count();
      EXPECT_GE(delay, full / 2);
      EXPECT_LE(delay, full);
    }
  }
}

TEST(HttpSender, ReadsStatusCodes) {
  for (const int status : {200, 201, 204, 299}) EXPECT_EQ(outcome_of(status), Outcome::kDelivered);
  for (const int status : {400, 413, 415, 422}) EXPECT_EQ(outcome_of(status), Outcome::kRefused);
  for (const int status : {301, 308, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504, 600}) {
    EXPECT_EQ(outcome_of(status), Outcome::kTryAgain) << status;
  }
  EXPECT_EQ(outcome_of(410), Outcome::kGone);
}

}  // namespace
}  // namespace sluice::notify
