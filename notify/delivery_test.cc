// Delivery over real sockets, with the store behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "notify/testing/delivery_fixture.h"

namespace sluice::notify {
namespace {

using testing::ElementsAre;

class DeliveryTest : public DeliveryFixture {};

// The time of day as the test sets it, for the delivery thread too.
class TurnedClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  WallTime wall() const override { return WallTime(std::chrono::seconds(seconds)); }
  std::atomic<int64_t> seconds = 1'000'000;
};

TEST_F(DeliveryTest, ComeInOrderAlsoWhenTheyHaveToBeRepeated) {
  std::atomic<int> calls = 0;
  CallbackReceiver receiver([&](const ReceivedRequest& r) -> ReceiverAnswer {
    if (++calls % 3 != 0) return {503};
    arrivals_.add(r.target, r.body);
    return {};
  });
  start();
  subscribe("a", receiver.uri("/a"));
  for (int n = 1; n <= 5; ++n) publish(n, {"a"});
  EXPECT_THAT(numbers(arrivals_.wait_for("/a", 5)), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_TRUE(settled());
  EXPECT_EQ(counts("a").delivered, 5U);
  EXPECT_EQ(counts("a").failed, 10U);
  EXPECT_EQ(counts("a").retried, 10U);
  EXPECT_EQ(counts("a").queued, 0U);
  EXPECT_EQ(counts("a").last_error, "HTTP 503");
}

TEST_F(DeliveryTest, NameTheirSubscription) {
  CallbackReceiver receiver([&](const ReceivedRequest& r) -> ReceiverAnswer {
    arrivals_.add(r.target, r.body);
    return {};
  });
  start();
  subscribe("a", receiver.uri("/a"));
  subscribe("b", receiver.uri("/b"));
  publish(1, {"a", "b", "unknown"});
  EXPECT_EQ(arrivals_.wait_for("/b", 1).at(0)["_links"]["subscription"]["href"],
            "/api/v1/subscriptions/b");
  EXPECT_EQ(arrivals_.wait_for("/a", 1).at(0)["_links"]["subscription"]["href"],
            "/api/v1/subscriptions/a");
  EXPECT_TRUE(settled());
}

TEST_F(DeliveryTest, SurviveARestart) {
  start();
  // Nobody listens there yet.
  auto reserved = std::make_unique<CallbackReceiver>([](const auto&) { return ReceiverAnswer{}; });
  const auto port = reserved->port();
  subscribe("a", reserved->uri("/a"));
  reserved.reset();
  publish(1, {"a"});
  publish(2, {"a"});
  stop();
  CallbackReceiver receiver(
      [&](const ReceivedRequest& r) -> ReceiverAnswer {
        arrivals_.add(r.target, r.body);
        return {};
      },
      port);
  start();
  EXPECT_THAT(numbers(arrivals_.wait_for("/a", 2)), ElementsAre(1, 2));
  EXPECT_TRUE(settled());
}

TEST_F(DeliveryTest, OfTheDeadDelayNobodyElse) {
  CallbackReceiver receiver([&](const ReceivedRequest& r) -> ReceiverAnswer {
    if (r.target.starts_with("/dead")) return {.status = 0};
    arrivals_.add(r.target, r.body);
    return {};
  });
  options_.courier.prompt_places = 4;
  options_.courier.slow_places = 8;
  start();
  std::vector<std::string> to;
  for (int i = 0; i < 60; ++i) {
    const auto id = fmt::format("{}{}", i % 3 == 0 ? "dead" : "alive", i);
    subscribe(id, receiver.uri("/" + id));
    to.push_back(id);
  }
  publish(1, to);
  publish(2, to);
  EXPECT_TRUE(arrivals_.wait_until([](const auto& by_path) {
    size_t both = 0;
    for (const auto& [path, all] : by_path) both += all.size() == 2 ? 1U : 0U;
    return both == 40;
  }));
}

TEST_F(DeliveryTest, AnnouncesTheEndOfASubscriptionAndEndsIt) {
  CallbackReceiver receiver([&](const ReceivedRequest& r) -> ReceiverAnswer {
    arrivals_.add(r.target, r.body);
    return {};
  });
  TurnedClock clock;
  start(clock);
  auto s = subscribe("a", receiver.uri("/a"));
  s.created = clock.wall();
  s.expiry = clock.wall() + std::chrono::seconds(100);
  put(s);
  stop();
  start(clock);  // it is remembered
  clock.seconds += 70;
  const auto notice = arrivals_.wait_for("/a", 1).at(0);
  EXPECT_EQ(notice["notificationType"], "ExpiryNotification");
  EXPECT_EQ(notice["expiryDeadline"]["seconds"], 1'000'100);
  clock.seconds += 30;
  EXPECT_TRUE(eventually([&] {
    const auto state = store_->snapshot();
    return state.of(records_.subscriptions).empty();
  }));
  stop();
}

}  // namespace
}  // namespace sluice::notify
