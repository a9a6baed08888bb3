#include "mep/steering/reconciler.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <list>

#include "base/run_until.h"
#include "mep/steering/fake_upf.h"
#include "mep/test_apps.h"
#include "mp2/unix_socket.h"

namespace sluice::mep {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::Key;
using testing::SizeIs;
using traffic_rules::RuleState;

// A user plane that says hello and nothing else, whatever it is sent.
class SilentUpf {
 public:
  SilentUpf(EventLoop& loop, const std::string& path)
      : loop_(loop), listener_(std::move(mp2::listen_unix(path, std::nullopt).value())) {
    loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) {
      UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      auto& connection = connections_.emplace_back(
          loop_, std::move(fd), mp2::kDefaultMaxLine,
          mp2::LineConnection::Callbacks{.on_line = [](std::string_view) { return Result<void>{}; },
                                         .on_close = [](const std::string&) {}});
      connection.send(mp2::encode(mp2::Hello{"silent", {}, {}}));
    });
  }
  ~SilentUpf() { loop_.unwatch(listener_.get()); }

  size_t connections() const { return connections_.size(); }  // so far

 private:
  EventLoop& loop_;
  UniqueFd listener_;
  std::list<mp2::LineConnection> connections_;
};

class Directory final : public TagDirectory {
 public:
  std::vector<mp2::TagEntry> tags() const override { return known; }
  std::vector<mp2::TagEntry> known;
};

class ReconcilerTest : public testing::Test {
 protected:
  ReconcilerTest() {
    auto pattern = (std::filesystem::temp_directory_path() / "mep-steer-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    store_.emplace(directory_, clock_);
    grants_.emplace(store_->collections.bandwidth);
  }
  ~ReconcilerTest() override {
    reconciler_.reset();
    upf_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string socket() const { return directory_ + "/mp2.sock"; }
  void start_upf() { upf_ = std::make_unique<FakeUpf>(loop_, socket()); }
  void start_reconciler(size_t max_line = mp2::kDefaultMaxLine) {
    reports_ = std::make_unique<RuleReports>();
    reconciler_ = std::make_unique<Reconciler>(
        loop_, **store_, clock_, *reports_,
        ReconcilerConfig{{socket(), max_line, milliseconds(1), milliseconds(4)},
                         77,
                         milliseconds(5),
                         milliseconds(20),
                         reply_timeout_},
        &*grants_, &tag_directory_);
  }
  void edit(const std::function<void(Draft&)>& what) {
    ASSERT_TRUE((*store_)->change([&](Draft& draft) -> Result<void> {
      what(draft);
      return {};
    }));
    if (reconciler_) reconciler_->sync();
  }
  void provision(const std::string& id, AppState state = AppState::kReady) {
    edit([&](Draft& draft) { put_test_app(draft, id, state); });
  }
  void switch_rule(const std::string& id, RuleState state) {
    edit([&](Draft& draft) { switch_test_rule(draft, id, state); });
  }
  void grant(const std::string& id, const std::string& uplink_bps) {
    edit([&](Draft& draft) {
      const auto allocation = bandwidth::allocation_from_json({{"appInsId", "a"},
                                                               {"requestType", 0},
                                                               {"fixedAllocation", uplink_bps},
                                                               {"allocationDirection", "01"}});
      draft.transaction().put(store_->collections.bandwidth.allocations, id, *allocation);
      (*store_)->raise_generation(draft.transaction());
    });
  }
  [[nodiscard]] bool serve_until(const std::function<bool()>& done) {
    return run_until(loop_, done);
  }
  [[nodiscard]] bool in_step() {
    return serve_until([&] {
      return upf_->generation() == (*store_)->snapshot().generation() &&
             reports_->link().connected &&
             reports_->link().installed_generation == upf_->generation();
    });
  }

  ManualClock clock_;
  Directory tag_directory_;
  EventLoop loop_;
  milliseconds reply_timeout_{30'000};
  std::string directory_;
  std::optional<TestStore> store_;
  std::optional<bandwidth::Grants> grants_;
  std::unique_ptr<FakeUpf> upf_;
  std::unique_ptr<RuleReports> reports_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, tells_who_is_behind_tags_when_it_connects_and_when_that_changes) {
  tag_directory_.known = {{"gold", {*IpPrefix::parse("10.45.0.2")}}};
  start_upf();
  start_reconciler();
  ASSERT_TRUE(serve_until([&] { return upf_->tags.tags == tag_directory_.known; }));
  EXPECT_EQ(upf_->tags.source, (*store_)->snapshot().source());
  tag_directory_.known.clear();
  reconciler_->tell_tags();
  EXPECT_TRUE(serve_until([&] { return upf_->tags.tags.empty(); }));
}

TEST_F(ReconcilerTest, installs_the_rules_of_apps_that_are_ready) {
  provision("ready");
  provision("not-ready", AppState::kProvisioned);
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(1));
  EXPECT_THAT(upf_->rules, Contains(Key("ready/video")));
  EXPECT_EQ(upf_->dns.at("ready/name").rule.ttl_s, 77U);  // the default
}

TEST_F(ReconcilerTest, sends_only_what_changes) {
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  provision("a");
  provision("b");
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(2));
  switch_rule("a", RuleState::kInactive);
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(1));
  EXPECT_THAT(upf_->dns, SizeIs(2));
  edit([](Draft& draft) { draft.remove_app("b"); });
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(0));
  EXPECT_THAT(upf_->dns, SizeIs(1));
  EXPECT_EQ(upf_->replaces, 1);  // the empty set at the start
}

TEST_F(ReconcilerTest, catches_up_with_changes_that_came_while_one_was_under_way) {
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  for (int i = 0; i < 50; ++i) provision("app-" + std::to_string(i));
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(50));
  EXPECT_LT(upf_->updates, 50);  // they were sent together
}

TEST_F(ReconcilerTest, a_user_plane_that_lost_its_rules_gets_all_of_them) {
  provision("a");
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  upf_->stop();
  provision("b");
  ASSERT_TRUE(serve_until([&] { return !reports_->link().connected; }));
  upf_->start();
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(2));
  EXPECT_EQ(upf_->replaces, 2);
}

TEST_F(ReconcilerTest, a_user_plane_that_is_in_step_is_left_alone) {
  provision("a");
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  reconciler_.reset();  // the platform restarts
  start_reconciler();
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->replaces, 1);
  EXPECT_EQ(upf_->updates, 0);
  switch_rule("a", RuleState::kInactive);  // and differences still fit
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->updates, 1);
  EXPECT_THAT(upf_->rules, SizeIs(0));
}

TEST_F(ReconcilerTest, rules_of_another_store_are_replaced) {
  provision("a");
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  reconciler_.reset();
  const auto generation = (*store_)->snapshot().generation();
  store_.reset();
  std::filesystem::remove(directory_ + "/mep.db");
  std::filesystem::remove(directory_ + "/mep.db-wal");
  store_.emplace(directory_, clock_);
  provision("b");
  ASSERT_EQ((*store_)->snapshot().generation(), generation);  // the same number, another set
  start_reconciler();
  ASSERT_TRUE(serve_until([&] { return upf_->rules.contains("b/video"); }));
  EXPECT_THAT(upf_->rules, SizeIs(1));
}

TEST_F(ReconcilerTest, starts_afresh_when_told_to_resync) {
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  upf_->refuse_next = mp2::Refused{0, mp2::RefusalCode::kResync, "lost"};
  provision("a");
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->replaces, 2);
  EXPECT_THAT(upf_->rules, SizeIs(1));
}

TEST_F(ReconcilerTest, a_refused_set_is_tried_again_and_the_reason_is_known) {
  provision("a");
  start_upf();
  upf_->refuse_next = mp2::Refused{0, mp2::RefusalCode::kLimit, "too many"};
  start_reconciler();
  ASSERT_TRUE(serve_until([&] { return !reports_->link().refusal.empty(); }));
  EXPECT_EQ(reports_->link().refusal, "too many");
  ASSERT_TRUE(in_step());
  EXPECT_EQ(reports_->link().refusal, "");
  EXPECT_EQ(upf_->replaces, 2);
}

TEST_F(ReconcilerTest, after_a_refused_update_what_was_installed_stays_the_base) {
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  provision("a");
  ASSERT_TRUE(in_step());
  upf_->refuse_next = mp2::Refused{0, mp2::RefusalCode::kLimit, "too many"};
  provision("b");
  ASSERT_TRUE(serve_until([&] { return !reports_->link().refusal.empty(); }));
  edit([](Draft& draft) {
    draft.remove_app("a");
    draft.remove_app("b");
  });
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(0));
  EXPECT_EQ(reports_->link().refusal, "");
  EXPECT_EQ(upf_->replaces, 1);  // the empty set at the start
}

TEST_F(ReconcilerTest, a_reply_to_something_else_starts_the_connection_afresh) {
  provision("a");
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  upf_->confuse_next = 999;
  provision("b");  // installed, and confirmed as another generation
  ASSERT_TRUE(in_step());
  upf_->refuse_next = mp2::Refused{0, mp2::RefusalCode::kInvalid, "what?"};
  upf_->confuse_next = 999;
  provision("c");
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(3));
  EXPECT_EQ(reports_->link().refusal, "");
}

TEST_F(ReconcilerTest, a_user_plane_that_does_not_answer_is_disconnected) {
  reply_timeout_ = milliseconds(20);
  const SilentUpf silent(loop_, socket());
  start_reconciler();
  EXPECT_TRUE(serve_until([&] { return silent.connections() >= 3; }));
  reconciler_.reset();
}

TEST_F(ReconcilerTest, a_set_too_large_to_send_leaves_the_older_one_in_effect) {
  provision("a");
  start_upf();
  start_reconciler(1500);
  ASSERT_TRUE(in_step());
  edit([](Draft& draft) {
    for (const auto* id : {"b", "c", "d", "e"}) {
      put_test_app(draft, id, AppState::kReady);
    }
  });
  ASSERT_THAT(reports_->link().refusal, testing::HasSubstr("Mp2 carries 1500"));
  edit([](Draft& draft) {
    for (const auto* id : {"b", "c", "d", "e"}) draft.remove_app(id);
  });
  ASSERT_TRUE(in_step());
  EXPECT_TRUE(reports_->link().connected);
  EXPECT_THAT(upf_->rules, SizeIs(1));
}

TEST_F(ReconcilerTest, keeps_what_is_said_of_each_rule_until_it_no_longer_holds) {
  provision("a");
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  const mp2::RuleStatus steering{"a/video", mp2::SteeringState::kSteering, "", 5, 6, 7};
  const auto said = [&] { return reports_->status(RuleKind::kTraffic, "a/video"); };
  upf_->publish({upf_->generation(), {steering}, {}});
  ASSERT_TRUE(serve_until([&] { return said().has_value(); }));
  EXPECT_EQ(*said(), steering);
  switch_rule("a", RuleState::kInactive);
  ASSERT_TRUE(in_step());
  EXPECT_FALSE(said());
  switch_rule("a", RuleState::kActive);
  ASSERT_TRUE(in_step());
  EXPECT_FALSE(said());
  upf_->publish({upf_->generation(), {steering}, {}});
  ASSERT_TRUE(serve_until([&] { return said().has_value(); }));
  upf_->stop();
  ASSERT_TRUE(serve_until([&] { return !said(); }));
}

TEST_F(ReconcilerTest, a_rejected_rule_is_reported_and_the_others_work) {
  edit([](Draft& draft) {
    put_test_app(draft, "a", AppState::kReady);
    auto rule = traffic_rules::traffic_rule_from_json(test_traffic_rule("bad")).value();
    draft.put_rule("a", draft.new_record(rule, rule));
  });
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->rules, SizeIs(1));
  const auto status = reports_->status(RuleKind::kTraffic, "a/bad");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->state, mp2::SteeringState::kRejected);
  EXPECT_EQ(status->reason, "cannot");
  EXPECT_FALSE(reports_->status(RuleKind::kDns, "a/bad"));

  // What was said of it outlives a connection over which the user plane stays in step.
  upf_->stop(/*keeps_rules=*/true);
  ASSERT_TRUE(serve_until([&] { return !reports_->link().connected; }));
  upf_->start();
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->replaces, 1);
  EXPECT_EQ(reports_->status(RuleKind::kTraffic, "a/bad"), status);
}

TEST_F(ReconcilerTest, tells_what_is_guaranteed_and_what_is_no_more) {
  start_upf();
  start_reconciler();
  ASSERT_TRUE(in_step());
  grant("g", "1000");
  ASSERT_TRUE(in_step());
  ASSERT_THAT(upf_->guarantees, SizeIs(1));
  EXPECT_EQ(upf_->guarantees["g"].uplink_bps, 1000U);
  EXPECT_EQ(upf_->guarantees["g"].downlink_bps, 0U);
  EXPECT_EQ(upf_->replaces, 1) << "the empty set";
  grant("g", "2000");
  grant("h", "1");
  ASSERT_TRUE(in_step());
  EXPECT_EQ(upf_->guarantees["g"].uplink_bps, 2000U);
  EXPECT_THAT(upf_->guarantees, SizeIs(2));

  upf_->stop();
  edit([&](Draft& draft) {
    draft.transaction().erase(store_->collections.bandwidth.allocations, "h");
    (*store_)->raise_generation(draft.transaction());
  });
  ASSERT_TRUE(serve_until([&] { return !reports_->link().connected; }));
  upf_->start();
  ASSERT_TRUE(in_step());
  EXPECT_THAT(upf_->guarantees, SizeIs(1)) << "after the user plane has lost all";
}

TEST(RuleReports, a_rejection_is_news_once_and_keeps_its_time) {
  RuleReports reports;
  const std::vector<mp2::Rejection> rejected = {{RuleKind::kTraffic, "a/r", "cannot"}};
  EXPECT_EQ(reports.installed(nullptr, rejected, 100), rejected);
  EXPECT_THAT(reports.installed(nullptr, rejected, 200), SizeIs(0));
  EXPECT_EQ(reports.status(RuleKind::kTraffic, "a/r")->since_ms, 100U);
  const std::vector<mp2::Rejection> other = {{RuleKind::kTraffic, "a/r", "will not"},
                                             {RuleKind::kDns, "a/r", "cannot"}};
  EXPECT_EQ(reports.installed(nullptr, other, 300), other);
  EXPECT_EQ(reports.status(RuleKind::kTraffic, "a/r")->since_ms, 100U);
  EXPECT_EQ(reports.status(RuleKind::kDns, "a/r")->since_ms, 300U);
  mp2::Update update;
  update.remove_dns = {"a/r"};
  EXPECT_THAT(reports.installed(&update, {rejected}, 400), SizeIs(1));
  EXPECT_FALSE(reports.status(RuleKind::kDns, "a/r"));
  EXPECT_TRUE(reports.status(RuleKind::kTraffic, "a/r"));
}

}  // namespace
}  // namespace sluice::mep
