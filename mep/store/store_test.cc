#include "mep/store/store.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "mep/clients/client_directory.h"
#include "mep/store/desired_difference.h"
#include "mep/test_apps.h"

namespace sluice::mep {
namespace {

using testing::ElementsAre;
using traffic_rules::DnsRule;
using traffic_rules::RuleState;
using traffic_rules::TrafficRule;

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
    store_.emplace(directory_, clock_);
  }
  Store& store() { return **store_; }
  State state() { return store().snapshot(); }
  ClientDirectory directory() {
    const auto& c = store_->collections;
    return {store(), c.apps.clients, c.clients};
  }
  void edit(const std::function<void(Draft&)>& what) {
    ASSERT_TRUE(store().change([&](Draft& draft) -> Result<void> {
      what(draft);
      return {};
    }));
  }
  void provision(const char* app_id, AppState state = AppState::kReady) {
    edit([&](Draft& draft) { put_test_app(draft, app_id, state); });
  }
  void switch_rule(const char* app_id, RuleState state) {
    edit([&](Draft& draft) { switch_test_rule(draft, app_id, state); });
  }

  ManualClock clock_;
  std::string directory_;
  std::optional<TestStore> store_;
};

template <typename Rule>
void expect_same(const store::Stored<RuleRecord<Rule>>& is,
                 const store::Stored<RuleRecord<Rule>>& was) {
  EXPECT_EQ(is.value.rule, was.value.rule);
  EXPECT_EQ(is.value.declared, was.value.declared);
  EXPECT_EQ(is.value.order, was.value.order);
  EXPECT_EQ(is.value.changed_ms, was.value.changed_ms);
  EXPECT_EQ(is.revision, was.revision);
}

TEST_F(StoreTest, remembers_everything_after_reopening) {
  provision("app-1");
  provision("app-2", AppState::kProvisioned);
  const auto secret = auth::SecretHash::of("secret");
  edit([&](Draft& draft) {
    draft.put_client({"client", secret, {"mm5", "x"}, std::nullopt});
    draft.put_client({"app-client", secret, {"mec_app_support"}, "app-1"});
  });
  switch_rule("app-1", RuleState::kInactive);
  const auto before = state();
  open();
  const auto after = state();

  const auto uuid_of = [](const State& s) { return s.source().substr(0, s.source().find('/')); };
  EXPECT_EQ(uuid_of(after), uuid_of(before));
  EXPECT_NE(after.source(), before.source());  // equal versions must mean equal contents
  EXPECT_EQ(after.generation(), before.generation());
  EXPECT_EQ(after.revision(), before.revision());
  ASSERT_EQ(after.apps().size(), 2U);
  for (const auto* id : {"app-1", "app-2"}) {
    EXPECT_EQ(after.find_app(id)->name, before.find_app(id)->name);
    EXPECT_EQ(after.find_app(id)->state, before.find_app(id)->state);
    EXPECT_EQ(after.app_revision(id), before.app_revision(id));
    expect_same(*after.find_rule<TrafficRule>(id, "video"),
                *before.find_rule<TrafficRule>(id, "video"));
    expect_same(*after.find_rule<DnsRule>(id, "name"), *before.find_rule<DnsRule>(id, "name"));
  }
  const auto client = directory().find("app-client");
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->secret_hash.matches("secret"));
  EXPECT_EQ(client->app_instance_id, "app-1");
  EXPECT_EQ(directory().find("client")->scopes, (auth::Scopes{"mm5", "x"}));
  EXPECT_FALSE(directory().find("nobody"));
}

TEST_F(StoreTest, counts_a_generation_for_each_change_of_what_is_desired_and_only_then) {
  const auto start = state().generation();
  provision("held", AppState::kProvisioned);
  EXPECT_EQ(state().generation(), start);
  switch_rule("held", RuleState::kInactive);
  EXPECT_EQ(state().generation(), start);
  provision("app");
  EXPECT_EQ(state().generation(), start + 1);
  switch_rule("app", RuleState::kInactive);
  EXPECT_EQ(state().generation(), start + 2);
  edit([](Draft& draft) { draft.remove_app("app"); });
  EXPECT_EQ(state().generation(), start + 3);  // its DNS rule was active
  edit([](Draft& draft) { draft.put_app({"held", "test", AppState::kReady}); });
  EXPECT_EQ(state().generation(), start + 4);  // so was that of the other
  const auto revision = state().revision();
  edit([](Draft&) {});
  EXPECT_EQ(state().revision(), revision);
}

TEST_F(StoreTest, a_failed_change_leaves_no_trace) {
  provision("app");
  const auto before = state();
  const auto result = store().change([&](Draft& draft) -> Result<void> {
    draft.remove_app("app");
    return fail(ErrorCode::kConflict, "no");
  });
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(state(), before);
  open();
  EXPECT_NE(std::as_const(before).find_app("app"), nullptr);
}

TEST_F(StoreTest, removing_an_app_removes_its_rules_and_clients) {
  provision("app");
  provision("app-2");  // whose id begins alike
  edit([&](Draft& draft) {
    draft.put_client({"c", auth::SecretHash::of("s"), {}, "app"});
    draft.put_client({"other", auth::SecretHash::of("s"), {}, "other-app"});
  });
  edit([&](Draft& draft) { draft.remove_app("app"); });
  open();
  const auto now = state();
  EXPECT_EQ(now.find_app("app"), nullptr);
  EXPECT_EQ(now.clients().size(), 1U);
  EXPECT_EQ(now.rules<TrafficRule>().size(), 1U);
  EXPECT_EQ(now.rules_of<TrafficRule>("app-2").size(), 1U);
  provision("app");  // nothing of the former is in the way
}

TEST_F(StoreTest, a_removed_rule_is_gone_and_a_kept_one_keeps_its_order) {
  provision("app");
  const auto before = state();
  const auto& name = before.find_rule<DnsRule>("app", "name")->value;
  edit([&](Draft& draft) {
    draft.remove_rule<TrafficRule>("app", "video");
    draft.put_rule("app", draft.new_record(name.rule, name.declared, &name));
  });
  open();
  const auto now = state();
  EXPECT_EQ(now.rules_of<TrafficRule>("app").size(), 0U);
  EXPECT_EQ(now.find_rule<DnsRule>("app", "name")->value.order, name.order);
}

TEST_F(StoreTest, the_revision_of_an_app_is_that_of_its_newest_part) {
  provision("app");
  provision("app-2");
  const auto before = state();
  switch_rule("app", RuleState::kInactive);
  EXPECT_EQ(state().app_revision("app"), state().revision());
  EXPECT_EQ(state().app_revision("app-2"), before.app_revision("app-2"));
  EXPECT_EQ(state().app_revision("nobody"), 0U);
}

TEST_F(StoreTest, tells_which_rules_are_desired_differently) {
  provision("a");
  provision("b", AppState::kProvisioned);
  provision("c");
  const auto before = state();
  switch_rule("a", RuleState::kInactive);
  edit([](Draft& draft) { draft.put_app({"b", "test", AppState::kReady}); });
  edit([](Draft& draft) { draft.put_app({"c", "renamed", AppState::kReady}); });
  std::vector<std::string> seen;
  const auto note = [&](const std::string& key, const auto* was, const auto* is) {
    seen.push_back((was == nullptr ? "+" : is == nullptr ? "-" : "=") + key);
    return true;
  };
  for_each_desired_difference<TrafficRule>(before, state(), note);
  for_each_desired_difference<DnsRule>(before, state(), note);
  EXPECT_THAT(seen, ElementsAre("-a/video", "+b/video", "+b/name"));
}

TEST_F(StoreTest, reads_what_version_1_wrote) {
  store_.reset();
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directory(directory_);
  {
    auto db = store::Database::open(directory_ + "/mep.db");
    ASSERT_TRUE(db);
    const auto rule = [](nlohmann::json json, const char* state) {
      json["state"] = state;
      return json.dump();
    };
    const auto made = db->execute(fmt::format(
        R"sql(
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE app_instance (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, revision INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE rule (
        app_instance_id TEXT NOT NULL REFERENCES app_instance (id) ON DELETE CASCADE,
        kind TEXT NOT NULL, id TEXT NOT NULL, current TEXT NOT NULL, declared TEXT NOT NULL,
        revision INTEGER NOT NULL, "order" INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
        PRIMARY KEY (app_instance_id, kind, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE client (
        id TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, scopes TEXT NOT NULL,
        app_instance_id TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES ('source', 'abc'), ('generation', '5'), ('revision', '9');
      INSERT INTO app_instance VALUES ('app', 'Name', 'READY', 7);
      INSERT INTO rule VALUES ('app', 'TRAFFIC', 'video', '{}', '{}', 9, 42, 1234);
      INSERT INTO rule VALUES ('app', 'DNS', 'name', '{}', '{}', 7, 43, 1000);
      INSERT INTO client VALUES ('op', '{}', 'mm5', ''), ('a', '{}', 'mec_app_support', 'app');
      PRAGMA user_version = 1;)sql",
        rule(test_traffic_rule(), "INACTIVE"), rule(test_traffic_rule(), "ACTIVE"),
        rule(test_dns_rule(), "ACTIVE"), rule(test_dns_rule(), "ACTIVE"),
        auth::SecretHash::of("1").to_string(), auth::SecretHash::of("2").to_string()));
    ASSERT_TRUE(made) << made.error().message;
  }
  for (int i = 0; i < 2; ++i) {  // once converted, and once as converted
    open();
    const auto now = state();
    EXPECT_TRUE(now.source().starts_with("abc/"));
    EXPECT_EQ(now.generation(), 5U);
    EXPECT_EQ(now.revision(), 9U);
    EXPECT_EQ(now.find_app("app")->name, "Name");
    EXPECT_EQ(now.find_app("app")->state, AppState::kReady);
    const auto* rule = now.find_rule<TrafficRule>("app", "video");
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(rule->revision, 9U);
    EXPECT_EQ(rule->value.order, 42U);
    EXPECT_EQ(rule->value.changed_ms, 1234);
    EXPECT_EQ(rule->value.rule.state, RuleState::kInactive);
    EXPECT_EQ(rule->value.declared.state, RuleState::kActive);
    EXPECT_NE(now.find_rule<DnsRule>("app", "name"), nullptr);
    const auto clients = directory();
    EXPECT_TRUE(clients.find("op")->secret_hash.matches("1"));
    EXPECT_EQ(clients.find("op")->app_instance_id, std::nullopt);
    EXPECT_EQ(clients.find("a")->app_instance_id, "app");
  }
}

}  // namespace
}  // namespace sluice::mep
