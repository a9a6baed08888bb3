// For tests: the delivery of notifications with a store of its own and a record of what arrives.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "notify/notifications.h"
#include "notify/testing/callback_receiver.h"

namespace sluice::notify {

using nlohmann::json;

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
    arrived_.wait_for(lock, std::chrono::seconds(20),
                      [&] { return by_path_[path].size() >= count; });
    return by_path_[path];
  }
  template <typename Predicate>
  bool wait_until(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, std::chrono::seconds(20), [&] { return predicate(by_path_); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::string, std::vector<json>> by_path_;
};

inline std::vector<int> numbers(const std::vector<json>& notifications) {
  std::vector<int> out;
  for (const auto& n : notifications) out.push_back(n.value("n", -1));
  return out;
}

class DeliveryFixture : public testing::Test {
 protected:
  DeliveryFixture() {
    std::string name = testing::TempDir() + "/notify-XXXXXX";
    directory_ = mkdtemp(name.data());
    options_.callbacks.allow = {*IpPrefix::parse("127.0.0.0/8")};
    options_.courier.backoff = {std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
  }
  ~DeliveryFixture() override {
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
  DeliveryCounts counts(const std::string& id) {
    return notifications_->statistics().of(id).value_or(DeliveryCounts{});
  }
  // Whether the condition comes true.
  template <typename Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  // Waits until nothing is left in the outbox.
  bool settled() {
    return eventually([this] {
      const auto state = store_->snapshot();
      return state.of(records_.events).empty() && state.of(records_.waiting).empty();
    });
  }

  SystemClock clock_;
  std::string directory_;
  NotificationOptions options_;
  Records records_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Notifications> notifications_;
  Arrivals arrivals_;
};

}  // namespace sluice::notify
