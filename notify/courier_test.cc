#include "notify/courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::notify {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

// Keeps what is sent until the test answers it.
class FakeSender final : public Sender {
 public:
  uint64_t send(const std::string& target, std::string text, const std::string&,
                Done done) override {
    const auto body = json::parse(text);
    waiting[++last_] = {target, body.value("n", 0), std::move(done)};
    log.push_back(fmt::format("{} {}", target, body.value("n", 0)));
    return last_;
  }
  void cancel(uint64_t transfer) override { waiting.erase(transfer); }

  // The targets that have not been answered.
  std::vector<std::string> open() const {
    std::vector<std::string> out;
    for (const auto& [id, sent] : waiting) out.push_back(sent.target);
    return out;
  }
  void answer(const std::string& target, const Report& report) {
    for (auto i = waiting.begin(); i != waiting.end(); ++i) {
      if (i->second.target != target) continue;
      const auto done = std::move(i->second.done);
      waiting.erase(i);
      return done(report);
    }
    ADD_FAILURE() << "nothing was sent to " << target;
  }

  struct Sent {
    std::string target;
    int n;
    Done done;
  };
  std::map<uint64_t, Sent> waiting;
  std::vector<std::string> log;

 private:
  uint64_t last_ = 0;
};

const Report kDone{Outcome::kDelivered, {}, {}};
const Report kFailed{Outcome::kTryAgain, "HTTP 503", {}};

class CourierTest : public testing::Test {
 protected:
  CourierTest() {
    options_.prompt_places = 2;
    options_.slow_places = 4;
    options_.patience = 50ms;
    options_.backoff = {100ms, 1000ms};
    options_.queue = 3;
    options_.keep = 60s;
    make();
  }
  void make() {
    courier_.emplace(
        options_, clock_, http_, websocket_, statistics_,
        CourierHooks{[this](const EventRef& event) {
                       ++settled_;
                       order_.push_back(event->event.members);
                     },
                     [this](const Subscription& s) { gone_.push_back(s.id); },
                     [this](const Subscription& s) { fallen_.push_back(s.id); }, [] {}});
  }
  void subscribe_for(const std::string& owner, const std::string& id) {
    auto s = std::make_shared<Subscription>();
    s->id = s->callback = id;
    s->owner = owner;
    courier_->put(std::move(s));
  }
  void subscribe(const std::string& id, bool websocket = false, bool fallback = false) {
    auto s = std::make_shared<Subscription>();
    s->id = id;
    (websocket ? s->websocket_token : s->callback) = id;
    s->websocket_fallback = fallback;
    courier_->put(std::move(s));
  }
  void publish(int n, std::vector<std::string> to, EventKind kind = EventKind::kNotification) {
    auto event = std::make_shared<EventInTransit>();
    event->event = make_event(kind, {{"n", n}}, clock_.wall(), std::move(to));
    event->left = event->event.to.size();
    event->settled.resize(event->left);
    courier_->add(event);
    courier_->turn();
  }
  void answer(const std::string& target, const Report& report) {
    http_.answer(target, report);
    courier_->turn();
  }
  void pass(std::chrono::milliseconds time) {
    clock_.advance(time);
    courier_->turn();
  }
  DeliveryCounts counts(const std::string& id) { return *statistics_.of(id); }

  ManualClock clock_;
  CourierOptions options_;
  FakeSender http_, websocket_;
  Statistics statistics_;
  std::optional<Courier> courier_;
  size_t settled_ = 0;
  std::vector<std::string> order_;  // of what is settled: the members of its events
  std::vector<std::string> gone_, fallen_;
};

TEST_F(CourierTest, SendsOneAtATimeInOrder) {
  subscribe("a");
  publish(1, {"a"});
  publish(2, {"a"});
  EXPECT_THAT(http_.log, ElementsAre("a 1"));
  answer("a", kDone);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 2"));
  answer("a", kDone);
  EXPECT_EQ(settled_, 2U);
  EXPECT_EQ(counts("a").delivered, 2U);
}

TEST_F(CourierTest, RepeatsWhatFailedBeforeAnythingElse) {
  subscribe("a");
  publish(1, {"a"});
  publish(2, {"a"});
  answer("a", kFailed);
  EXPECT_THAT(http_.open(), IsEmpty());
  ASSERT_TRUE(courier_->wake_at());
  pass(49ms);
  EXPECT_THAT(http_.open(), IsEmpty()) << "too early";
  pass(51ms);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 1"));
  answer("a", kDone);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 1", "a 2"));
  EXPECT_EQ(counts("a").retried, 1U);
}

TEST_F(CourierTest, WaitsAsLongAsTheReceiverAsks) {
  subscribe("a");
  publish(1, {"a"});
  answer("a", {Outcome::kTryAgain, "HTTP 429", 1s});
  pass(999ms);
  EXPECT_THAT(http_.open(), IsEmpty());
  pass(1ms);
  EXPECT_THAT(http_.open(), ElementsAre("a"));
  answer("a", {Outcome::kTryAgain, "HTTP 429", std::chrono::hours(1)});
  pass(1000ms);
  EXPECT_THAT(http_.open(), ElementsAre("a")) << "but not longer than the longest back-off";
}

TEST_F(CourierTest, GoesOnAfterARefusal) {
  subscribe("a");
  publish(1, {"a"});
  publish(2, {"a"});
  answer("a", {Outcome::kRefused, "HTTP 400", {}});
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 2"));
  EXPECT_EQ(counts("a").refused, 1U);
  EXPECT_EQ(counts("a").last_error, "HTTP 400");
}

TEST_F(CourierTest, ReportsReceiversThatAreGone) {
  subscribe("a");
  publish(1, {"a"});
  answer("a", {Outcome::kGone, "HTTP 410", {}});
  EXPECT_THAT(gone_, ElementsAre("a"));
  courier_->remove("a");
  EXPECT_EQ(settled_, 1U);
  EXPECT_FALSE(statistics_.of("a"));
  EXPECT_EQ(statistics_.totals().queued, 0U);
}

TEST_F(CourierTest, DropsTheOldestOfAFullQueueButNotTheOneOnItsWay) {
  subscribe("a");
  for (int n = 1; n <= 5; ++n) publish(n, {"a"});
  EXPECT_EQ(counts("a").dropped, 2U);
  EXPECT_EQ(counts("a").queued, 3U);
  for (int i = 0; i < 3; ++i) answer("a", kDone);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 4", "a 5"));
  EXPECT_THAT(order_, ElementsAre("\"n\":2", "\"n\":3", "\"n\":1", "\"n\":4", "\"n\":5"));
}

TEST_F(CourierTest, BoundsAQueueInOctetsTooButKeepsTheNewest) {
  options_.queue_bytes = 11;  // two of `"n":1`
  make();
  subscribe("a");
  for (int n = 1; n <= 3; ++n) publish(n, {"a"});
  EXPECT_EQ(counts("a").dropped, 1U);
  publish(1'000'000'000, {"a"});
  EXPECT_EQ(counts("a").dropped, 2U);
  EXPECT_EQ(counts("a").queued, 2U);
  for (int i = 0; i < 2; ++i) answer("a", kDone);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 1000000000"));
  for (int n = 4; n <= 5; ++n) publish(n, {"a"});
  EXPECT_EQ(counts("a").dropped, 2U) << "what is gone does not count";
}

TEST_F(CourierTest, BoundsTheQueuesOfAnOwnerTogether) {
  options_.owner_queue_bytes = 20;  // four of `"n":1`
  make();
  for (const auto* id : {"a", "b"}) subscribe_for("app-1", id);
  subscribe_for("app-2", "c");
  for (int n = 1; n <= 3; ++n) publish(n, {"a", "c"});
  for (int n = 4; n <= 6; ++n) publish(n, {"b"});
  EXPECT_EQ(counts("a").dropped, 1U) << "its queue was the fullest when there was one too many";
  EXPECT_EQ(counts("b").dropped, 1U);
  EXPECT_EQ(counts("c").dropped, 0U) << "another owner's";
  courier_->remove("a");
  for (int n = 7; n <= 8; ++n) publish(n, {"b"});
  EXPECT_EQ(counts("b").dropped, 2U) << "now by the bound of its own queue of three";
}

TEST_F(CourierTest, GivesUpWhatIsTooOld) {
  subscribe("a");
  publish(1, {"a"});
  clock_.advance(30s);
  publish(2, {"a"});
  clock_.advance(31s);
  answer("a", kFailed);
  EXPECT_EQ(counts("a").dropped, 1U);
  pass(1s);
  EXPECT_THAT(http_.log, ElementsAre("a 1", "a 2"));
}

TEST_F(CourierTest, LetsSlowReceiversKeepOnlyTheSlowPlaces) {
  for (const auto* id : {"s1", "s2", "s3", "s4", "s5", "s6", "a"}) subscribe(id);
  publish(1, {"s1", "s2", "s3", "s4", "s5", "s6", "a"});
  EXPECT_THAT(http_.open(), ElementsAre("s1", "s2")) << "two prompt places";
  pass(50ms);
  EXPECT_THAT(http_.open(), ElementsAre("s1", "s2", "s3", "s4"));
  pass(50ms);
  EXPECT_EQ(http_.open().size(), 6U) << "all slow places are taken";
  pass(50ms);
  EXPECT_EQ(http_.open().size(), 6U);
  pass(1s);  // the first two have been in theirs for a second: they give way
  EXPECT_THAT(http_.open(), ElementsAre("s3", "s4", "s5", "s6", "a"));
  answer("a", kDone);
  EXPECT_EQ(counts("a").delivered, 1U);
  EXPECT_EQ(counts("s1").failed, 1U);
}

TEST_F(CourierTest, KeepsThoseThatFailedOutOfThePromptPlaces) {
  for (const auto* id : {"f", "a", "b"}) subscribe(id);
  publish(1, {"f"});
  answer("f", kFailed);
  pass(100ms);
  EXPECT_THAT(http_.open(), ElementsAre("f"));
  publish(1, {"a", "b"});
  EXPECT_THAT(http_.open(), ElementsAre("f", "a", "b")) << "both prompt places are free";
}

TEST_F(CourierTest, WaitsForClientsOfWebSockets) {
  subscribe("w", /*websocket=*/true);
  publish(1, {"w"});
  websocket_.answer("w", {Outcome::kAway, "away", {}});
  courier_->turn();
  pass(10s);
  EXPECT_THAT(websocket_.open(), IsEmpty());
  courier_->present("w");
  courier_->turn();
  EXPECT_THAT(websocket_.log, ElementsAre("w 1", "w 1"));
  websocket_.answer("w", {Outcome::kAway, "away", {}});
  clock_.advance(61s);
  courier_->give_up_old();
  EXPECT_EQ(counts("w").dropped, 1U);
}

TEST_F(CourierTest, TurnsToWebSocketWhenTheTestFails) {
  subscribe("a", false, /*fallback=*/true);
  publish(1, {"a"}, EventKind::kTest);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(fallen_, IsEmpty());
    answer("a", kFailed);
    pass(1s);
  }
  EXPECT_THAT(fallen_, ElementsAre("a"));
  auto changed = std::make_shared<Subscription>();
  changed->id = "a";
  changed->websocket_token = "token";
  courier_->put(changed);
  courier_->turn();
  EXPECT_THAT(websocket_.log, ElementsAre("token 1")) << "the test itself goes there too";
  EXPECT_THAT(http_.open(), IsEmpty());
}

TEST_F(CourierTest, SendsToTheNewAddressWhenItChanges) {
  subscribe("a");
  publish(1, {"a"});
  auto changed = std::make_shared<Subscription>();
  changed->id = "a";
  changed->callback = "b";
  courier_->put(changed);
  courier_->turn();
  EXPECT_THAT(http_.open(), ElementsAre("b"));
}

TEST_F(CourierTest, SettlesAtOnceWhatNobodyWaitsFor) {
  publish(1, {"nobody"});
  EXPECT_EQ(settled_, 1U);
}

}  // namespace
}  // namespace sluice::notify
