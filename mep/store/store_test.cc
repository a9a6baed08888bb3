#include "mep/store/store.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "mep/store/client_directory.h"
#include "mep/test_apps.h"

namespace sluice::mep {
namespace {

using testing::HasSubstr;
using traffic_rules::RuleState;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    auto pattern = (std::filesystem::temp_directory_path() / "mep-store-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    open();
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }

  void open() {
    store_.reset();
    auto store = Store::open(directory_, clock_);
    ASSERT_TRUE(store) << store.error().to_string();
    store_ = std::move(*store);
  }
  void provision(const char* app_id, AppState state = AppState::kReady) {
    ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
      draft.put_app(test_app(draft, app_id, state));
      return {};
    }));
  }
  // Switches the traffic rule that test_app() makes.
  Result<void> switch_rule(const char* app_id, RuleState state) {
    return store_->change([&](Draft& draft) -> Result<void> {
      auto app = *draft.state().find_app(app_id);
      auto& record = app.traffic_rules.at("video");
      auto rule = record->rule;
      rule.state = state;
      record = draft.new_record(std::move(rule), record->declared, record);
      draft.put_app(std::move(app));
      return {};
    });
  }

  ManualClock clock_;
  std::string directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, remembers_everything_after_reopening) {
  provision("app-1");
  provision("app-2", AppState::kProvisioned);
  const auto secret = auth::SecretHash::of("secret");
  ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
    draft.put_client({"client", secret, {"mm5", "x"}, std::nullopt});
    draft.put_client({"app-client", secret, {"mec_app_support"}, "app-1"});
    return {};
  }));
  ASSERT_TRUE(switch_rule("app-1", RuleState::kInactive));
  const auto before = store_->snapshot();
  open();
  const auto after = store_->snapshot();

  const auto uuid_of = [](const State& s) { return s.source.substr(0, s.source.find('/')); };
  EXPECT_EQ(uuid_of(*after), uuid_of(*before));
  EXPECT_NE(after->source, before->source);  // equal versions must mean equal contents
  EXPECT_EQ(after->generation, before->generation);
  EXPECT_EQ(after->revision, before->revision);
  ASSERT_EQ(after->apps.size(), 2U);
  for (const auto* id : {"app-1", "app-2"}) {
    const auto* was = before->find_app(id);
    const auto* is = after->find_app(id);
    EXPECT_EQ(is->name, was->name);
    EXPECT_EQ(is->state, was->state);
    EXPECT_EQ(is->revision, was->revision);
    const auto& rule_was = *was->traffic_rules.at("video");
    const auto& rule_is = *is->traffic_rules.at("video");
    EXPECT_EQ(rule_is.rule, rule_was.rule);
    EXPECT_EQ(rule_is.declared, rule_was.declared);
    EXPECT_EQ(rule_is.order, rule_was.order);
    EXPECT_EQ(rule_is.revision, rule_was.revision);
    EXPECT_EQ(rule_is.changed_ms, rule_was.changed_ms);
    EXPECT_EQ(is->dns_rules.at("name")->rule, was->dns_rules.at("name")->rule);
  }
  const auto client = ClientDirectory(*store_).find("app-client");
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->secret_hash.matches("secret"));
  EXPECT_EQ(client->app_instance_id, "app-1");
  EXPECT_EQ(ClientDirectory(*store_).find("client")->scopes, (auth::Scopes{"mm5", "x"}));
  EXPECT_FALSE(ClientDirectory(*store_).find("nobody"));
}

TEST_F(StoreTest, counts_a_generation_for_each_change_of_what_is_desired_and_only_then) {
  const auto generation = [&] { return store_->snapshot()->generation; };
  const auto start = generation();
  provision("held", AppState::kProvisioned);
  EXPECT_EQ(generation(), start);
  ASSERT_TRUE(switch_rule("held", RuleState::kInactive));
  EXPECT_EQ(generation(), start);
  provision("app");
  EXPECT_EQ(generation(), start + 1);
  ASSERT_TRUE(switch_rule("app", RuleState::kInactive));
  EXPECT_EQ(generation(), start + 2);
  ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
    draft.remove_app("app");
    return {};
  }));
  EXPECT_EQ(generation(), start + 3);  // its DNS rule was active
  const auto revision = store_->snapshot()->revision;
  ASSERT_TRUE(store_->change([](Draft&) -> Result<void> { return {}; }));
  EXPECT_EQ(store_->snapshot()->revision, revision);
}

TEST_F(StoreTest, a_failed_change_leaves_no_trace) {
  provision("app");
  const auto before = store_->snapshot();
  const auto result = store_->change([&](Draft& draft) -> Result<void> {
    draft.remove_app("app");
    return fail(ErrorCode::kConflict, "no");
  });
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_->snapshot(), before);
  open();
  EXPECT_NE(store_->snapshot()->find_app("app"), nullptr);
}

TEST_F(StoreTest, removing_an_app_removes_its_rules_and_clients) {
  provision("app");
  ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
    draft.put_client({"c", auth::SecretHash::of("s"), {}, "app"});
    draft.put_client({"other", auth::SecretHash::of("s"), {}, "other-app"});
    return {};
  }));
  ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
    draft.remove_app("app");
    return {};
  }));
  open();
  EXPECT_TRUE(store_->snapshot()->apps.empty());
  EXPECT_EQ(store_->snapshot()->clients.size(), 1U);
  provision("app");  // nothing of the former is in the way
}

TEST_F(StoreTest, a_removed_rule_is_gone_and_a_kept_one_keeps_its_order) {
  provision("app");
  const auto order = store_->snapshot()->find_app("app")->dns_rules.at("name")->order;
  ASSERT_TRUE(store_->change([&](Draft& draft) -> Result<void> {
    auto app = *draft.state().find_app("app");
    app.traffic_rules.clear();
    auto& record = app.dns_rules.at("name");
    record = draft.new_record(record->rule, record->declared, record);
    draft.put_app(std::move(app));
    return {};
  }));
  open();
  const auto state = store_->snapshot();
  EXPECT_TRUE(state->find_app("app")->traffic_rules.empty());
  EXPECT_EQ(state->find_app("app")->dns_rules.at("name")->order, order);
}

TEST_F(StoreTest, tells_the_listener_of_every_change) {
  std::vector<uint64_t> heard;
  store_->set_listener([&](auto state) { heard.push_back(state->revision); });
  provision("a");
  provision("b");
  EXPECT_THAT(heard, testing::ElementsAre(1, 2));
}

TEST_F(StoreTest, another_process_is_kept_out) {
  const auto second = Store::open(directory_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
}

TEST_F(StoreTest, a_damaged_file_is_an_error_that_says_so) {
  store_.reset();
  std::ofstream(directory_ + "/mep.db", std::ios::trunc) << std::string(8192, 'x');
  EXPECT_THAT(Store::open(directory_, clock_).error().message, HasSubstr("mep.db cannot be used"));
}

TEST_F(StoreTest, a_row_that_does_not_read_is_named) {
  provision("app");
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ + "/mep.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "UPDATE rule SET current = '{}' WHERE id = 'video'", nullptr, nullptr,
                         nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  EXPECT_THAT(Store::open(directory_, clock_).error().message,
              HasSubstr("rule app/video does not read: trafficRuleId: is required"));
}

TEST_F(StoreTest, a_newer_schema_is_refused) {
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ + "/mep.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version = 99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  EXPECT_THAT(Store::open(directory_, clock_).error().message, HasSubstr("newer sluice-mep"));
}

TEST_F(StoreTest, belongs_to_its_owner) {
  struct stat info{};
  const auto fresh = directory_ + "/new/state";
  ASSERT_TRUE(Store::open(fresh, clock_));
  ASSERT_EQ(stat(fresh.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(StoreTest, tells_nothing_of_its_inside_when_a_write_fails) {
  provision("app-1");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);  // as a full disk
  const auto failed = switch_rule("app-1", RuleState::kInactive);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().to_string(), "the platform cannot store this; its log says why");
  EXPECT_TRUE(switch_rule("app-1", RuleState::kInactive));
}

}  // namespace
}  // namespace sluice::mep
