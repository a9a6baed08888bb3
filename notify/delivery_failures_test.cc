// What happens to notifications when receivers, names and the process itself misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "notify/testing/delivery_fixture.h"

namespace sluice::notify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using namespace std::chrono_literals;

class DeliveryFailures : public DeliveryFixture {};

TEST_F(DeliveryFailures, EndASubscriptionWhoseReceiverIsGone) {
  CallbackReceiver receiver([](const auto&) { return ReceiverAnswer{410}; });
  start();
  subscribe("a", receiver.uri("/a"));
  publish(1, {"a"});
  EXPECT_TRUE(eventually([&] {
    const auto state = store_->snapshot();
    return state.of(records_.subscriptions).empty() && state.of(records_.events).empty();
  }));
}

TEST_F(DeliveryFailures, DoNotFollowRedirects) {
  std::atomic<int> elsewhere = 0;
  CallbackReceiver other([&](const auto&) {
    ++elsewhere;
    return ReceiverAnswer{};
  });
  CallbackReceiver receiver(
      [&](const auto&) { return ReceiverAnswer{307, "Location: " + other.uri("/") + "\r\n"}; });
  start();
  subscribe("a", receiver.uri("/a"));
  publish(1, {"a"});
  EXPECT_TRUE(eventually([&] { return counts("a").failed >= 2; }));
  EXPECT_THAT(counts("a").last_error, HasSubstr("redirects are not followed"));
  EXPECT_EQ(elsewhere, 0);
}

TEST_F(DeliveryFailures, DoNotComeFromLongReplies) {
  CallbackReceiver receiver(
      [](const auto&) { return ReceiverAnswer{200, "", std::string(200'000, 'x')}; });
  start();
  subscribe("a", receiver.uri("/a"));
  publish(1, {"a"});
  publish(2, {"a"});
  EXPECT_TRUE(eventually([&] { return counts("a").delivered == 2; }));
  EXPECT_EQ(counts("a").failed, 0U);
}

TEST_F(DeliveryFailures, IncludeNamesThatLeadWhereCallbacksMayNotGo) {
  std::atomic<int> calls = 0;
  CallbackReceiver receiver([&](const auto&) {
    ++calls;
    return ReceiverAnswer{};
  });
  options_.callbacks.allow.clear();
  start();
  subscribe("a", fmt::format("http://localhost:{}/a", receiver.port()));
  publish(1, {"a"});
  EXPECT_TRUE(eventually([&] { return counts("a").failed >= 1; }));
  EXPECT_THAT(counts("a").last_error, HasSubstr("not allowed: loopback"));
  EXPECT_EQ(calls, 0);
}

TEST_F(DeliveryFailures, LeaveTheOrderOfWhatIsAlreadyThereAlone) {
  std::atomic<bool> awake = false;
  CallbackReceiver receiver([&](const ReceivedRequest& r) -> ReceiverAnswer {
    if (r.target == "/late" && !awake) return {503};
    arrivals_.add(r.target, r.body);
    return {};
  });
  start();
  subscribe("now", receiver.uri("/now"));
  subscribe("late", receiver.uri("/late"));
  publish(1, {"now", "late"});
  // Once the one is on record, a restart does not tell it again.
  EXPECT_TRUE(eventually([&] {
    const auto state = store_->snapshot();
    return state.of(records_.waiting).size() == 1;
  }));
  stop();
  awake = true;
  start();
  EXPECT_THAT(numbers(arrivals_.wait_for("/late", 1)), ElementsAre(1));
  EXPECT_TRUE(settled());
  EXPECT_THAT(arrivals_.wait_for("/now", 1), SizeIs(1));
}

}  // namespace
}  // namespace sluice::notify
