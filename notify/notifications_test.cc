// Delivery over real sockets, with the store behind it.
#include "notify/notifications.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "notify/testing/callback_receiver.h"

namespace sluice::notify {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using namespace std::chrono_literals;

// What has arrived, by path; waits for it.
class Arrivals {
 public:
  void add(std::string_view path, std::string_view body) {
    const std::lock_guard lock(mutex_);
    by_path_[std::string(path)].push_back(json::parse(body));
    arrived_.notify_all();
  }
  std::vector<json> wait_for(const std::string& path, size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, 20s, [&] { return by_path_[path].size() >= count; });
    return by_path_[path];
  }
  template <typename Predicate>
  bool wait_until(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, 20s, [&] { return predicate(by_path_); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::string, std::vector<json>> by_path_;
};

std::vector<int> numbers(const std::vector<json>& notifications) {
  std::vector<int> out;
  for (const auto& n : notifications) out.push_back(n.value("n", -1));
  return out;
}

class NotificationsTest : public testing::Test {
 protected:
  NotificationsTest() {
    std::string name = testing::TempDir() + "/notify-XXXXXX";
    directory_ = mkdtemp(name.data());
    options_.callbacks.allow = {*IpPrefix::parse("127.0.0.0/8")};
    options_.courier.backoff = {5ms, 20ms};
  }
  ~NotificationsTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start(const Clock& clock) {
    store::Schema schema;
    records_ = Records::add_to(schema);
    store_ = std::move(*store::Store::open(directory_ + "/test.db", std::move(schema), clock));
    notifications_ = std::move(*Notifications::start(*store_, records_, clock, options_));
  }
  void start() { start(clock_); }
  void stop() {
    notifications_.reset();
    store_.reset();
  }

  Subscription subscribe(const std::string& id, const std::string& callback) {
    Subscription s;
    s.id = id;
    s.api = "api";
    s.owner = "app";
    s.href = "/api/v1/subscriptions/" + id;
    s.callback = callback;
    put(s);
    return s;
  }
  void put(Subscription s) {
    EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      s.version = change.revision();
      change.put(records_.subscriptions, subscription_key(s.api, s.owner, s.id), s);
      return {};
    }));
  }
  void publish(int n, std::vector<std::string> to) {
    EXPECT_TRUE(store_->change([&](store::Transaction& change) -> Result<void> {
      notifications_->outbox().enqueue(change, {{"n", n}}, std::move(to));
      return {};
    }));
  }
  // Waits until nothing is left in the outbox.
  bool settled() {
    for (int i = 0; i < 2000; ++i) {
      const auto state = store_->snapshot();
      if (state.of(records_.events).empty() && state.of(records_.waiting).empty()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  SystemClock clock_;
  std::string directory_;
  NotificationOptions options_;
  Records records_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Notifications> notifications_;
  Arrivals arrivals_;
};

TEST_F(NotificationsTest, ComeInOrderAlsoWhenTheyHaveToBeRepeated) {
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
  const auto counts = *notifications_->statistics().of("a");
  EXPECT_EQ(counts.delivered, 5U);
  EXPECT_EQ(counts.failed, 10U);
  EXPECT_EQ(counts.retried, 10U);
  EXPECT_EQ(counts.queued, 0U);
  EXPECT_EQ(counts.last_error, "HTTP 503");
}

TEST_F(NotificationsTest, NameTheirSubscription) {
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

TEST_F(NotificationsTest, SurviveARestart) {
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

TEST_F(NotificationsTest, OfTheDeadDelayNobodyElse) {
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

}  // namespace
}  // namespace sluice::notify
