// The agent killed at every point of every transition: what it does after that is what it would
// have done, and nothing is left anywhere that belongs to nobody.
#include "mepm/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include "base/run_until.h"
#include "base/store/test_notes.h"
#include "mepm/agent/testing_site.h"

namespace sluice::mepm {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using store::TestDirectory;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kKey(64, 'a');

constexpr const char* kBootData =
    R"({"readiness": "MANAGER", "liveness": {"command": ["/check"]}})";

json descriptor() {
  return {
      {"appName", "app"},
      {"changeAppInstanceStateOpConfig", {{"minGracefulStopTimeout", 3}}},
      {"terminateAppInstanceOpConfig", {{"minGracefulTerminationTimeout", 4}}},
      {"osContainerDescriptor",
       json::array(
           {{{"osContainerDescId", "main"}, {"swImageDesc", "image"}, {"bootData", kBootData}}})}};
}

// The real time, and what is added to it.
class ShiftedClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now() + shift();
  }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::now() + shift();
  }
  std::atomic<int> shift_s = 0;

 private:
  std::chrono::seconds shift() const { return std::chrono::seconds(shift_s.load()); }
};

// A manager with its store, from its start to its end.
class Manager {
 public:
  explicit Manager(const std::string& directory,
                   std::function<void(const std::string&)> on_step = {}, int shift_s = 0)
      : site(directory + "/site"), vim(site), platform(site) {
    spdlog::set_level(getenv("SLUICE_TEST_LOG") != nullptr ? spdlog::level::info
                                                           : spdlog::level::off);
    clock.shift_s = shift_s;
    store::Schema schema;
    records = AgentRecords::add_to(schema);
    store = std::move(*store::Store::open(directory + "/db", std::move(schema), clock));
    (void)store->change([&](store::Transaction& change) -> Result<void> {
      change.put(records.packages, "p",
                 {.id = "p", .sha256 = "", .appd = descriptor(), .images = {{"image", "i", kKey}}});
      return {};
    });
    site.put("image." + kKey);  // unpacking is not what is tested here
    AgentOptions options;
    options.apps.addresses = {"10.9.0.20"};
    options.watch_period = options.poll_period = options.first_pause = milliseconds(1);
    options.longest_pause = milliseconds(4);
    options.threads = 1;
    options.on_step = std::move(on_step);
    agent.emplace(loop, clock, *store, records, files, vim, platform, options);
    agent->start();
  }
  ~Manager() {
    agent->stop();
    store->close();
  }

  Result<void> desire(Desired desired, uint64_t revision, const std::string& package = "p",
                      std::optional<uint32_t> graceful_timeout_s = {}) {
    auto done = store->change([&](store::Transaction& change) {
      return agent->desire(change, {.id = "i",
                                    .package = package,
                                    .desired = desired,
                                    .revision = revision,
                                    .graceful_timeout_s = graceful_timeout_s});
    });
    agent->wake("i");
    return done;
  }
  std::optional<InstanceRecord> instance() const {
    const auto state = store->snapshot();
    const auto* found = state.find(records.instances, "i");
    return found == nullptr ? std::nullopt : std::optional(found->value);
  }
  bool becomes(Phase phase) {
    return run_until(loop, [&] { return instance() && instance()->phase == phase; });
  }
  bool settle() {
    return run_until(loop, [&] { return instance() && instance()->operation.empty(); });
  }
  std::vector<std::string> operations() const {
    std::map<uint64_t, std::string> out;
    const auto state = store->snapshot();
    for (const auto& [id, stored] : state.of(records.operations)) {
      out[stored.value.revision] = stored.value.operation + " " + stored.value.state;
    }
    std::vector<std::string> list;
    for (const auto& [revision, text] : out) list.push_back(text);
    return list;
  }
  // What there is of the instance outside of the store.
  std::vector<std::string> traces() const {
    std::vector<std::string> out;
    for (const auto* part : {"app.i", "made.i", "runs.i", "secret.i"}) {
      if (site.has(part)) out.emplace_back(part);
    }
    return out;
  }

  ShiftedClock clock;
  EventLoop loop;
  SiteFiles site;
  FileVim vim;
  FilePlatform platform;
  AgentRecords records;
  std::unique_ptr<store::Store> store;
  app_package::ContentFiles files = *app_package::ContentFiles::open("/tmp");
  std::optional<Agent> agent;
};

constexpr Desired kScript[] = {Desired::kStarted, Desired::kStopped, Desired::kStarted,
                               Desired::kNotInstantiated};

// From wherever the store is in the script to its end.
bool run_script(Manager& manager, size_t length) {
  const auto begun = manager.instance();
  for (auto revision = std::max<uint64_t>(begun ? begun->revision : 0, 1); revision <= length;
       ++revision) {
    if (!manager.desire(kScript[revision - 1], revision) || !manager.settle()) return false;
  }
  return true;
}

// In a process of its own, which dies at that step; whether it did.
template <typename Script>
bool dies_at(const std::string& directory, int step, Script script) {
  const pid_t child = fork();
  if (child == 0) {
    int steps = 0;
    Manager manager(directory, [&](const std::string&) {
      if (++steps == step) kill(getpid(), SIGKILL);
    });
    _exit(script(manager) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "step " << step;
  return WIFSIGNALED(status);
}

// Kills it at every step in turn and lets another one go on; `check` looks at what that leaves.
template <typename Prepare, typename Check>
int walk(size_t length, Prepare prepare, Check check) {
  int step = 0;
  for (bool died = true; died;) {
    const TestDirectory directory;
    prepare(SiteFiles(directory.file("site")));
    died = dies_at(directory.file(""), ++step,
                   [&](Manager& manager) { return run_script(manager, length); });
    Manager manager(directory.file(""));
    EXPECT_TRUE(run_script(manager, length)) << "step " << step;
    SCOPED_TRACE("killed at step " + std::to_string(step));
    check(manager);
  }
  return step;
}

// From an app that runs and is ready, when the platform and the host have lost what they had of it.
TEST(AgentCrash, what_is_lost_is_brought_back_wherever_that_is_interrupted) {
  const auto is_back = [](Manager& manager) {
    return run_until(manager.loop, [&] {
      return manager.site.get("app.i") == "READY" && manager.instance()->phase == Phase::kRunning;
    });
  };
  int step = 0;
  for (bool died = true; died;) {
    const TestDirectory directory;
    {
      Manager manager(directory.file(""));
      ASSERT_TRUE(run_script(manager, 1) && is_back(manager));
    }
    const SiteFiles site(directory.file("site"));
    for (const auto* part : {"app.i", "client.i", "made.i", "runs.i"}) site.drop(part);
    SCOPED_TRACE("killed at step " + std::to_string(++step));
    died = dies_at(directory.file(""), step, is_back);
    Manager manager(directory.file(""));
    ASSERT_TRUE(is_back(manager));
    EXPECT_EQ(site.get("client.i"), manager.instance()->client_id);
    EXPECT_EQ(site.get("secret.i"), manager.instance()->client_secret);
    EXPECT_TRUE(site.has("runs.i"));
  }
  EXPECT_GT(step, 10);
}

TEST(AgentCrash, a_whole_life_is_completed_wherever_it_is_interrupted) {
  const auto steps = walk(
      std::size(kScript), [](const SiteFiles&) {},
      [](Manager& manager) {
        EXPECT_THAT(manager.traces(), IsEmpty());
        EXPECT_EQ(manager.instance()->phase, Phase::kNone);
        EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE COMPLETED", "OPERATE COMPLETED",
                                                      "OPERATE COMPLETED", "TERMINATE COMPLETED"));
      });
  EXPECT_GT(steps, 30);
}

TEST(AgentCrash, what_fails_for_good_is_undone_wherever_it_is_interrupted) {
  for (const auto* function : {"put_secret", "start"}) {
    walk(
        1, [&](const SiteFiles& site) { site.put(std::string("fail.") + function); },
        [&](Manager& manager) {
          EXPECT_THAT(manager.traces(), IsEmpty()) << function;
          EXPECT_EQ(manager.instance()->phase, Phase::kNone);
          EXPECT_EQ(manager.instance()->problem, "refused");
          EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE FAILED"));
        });
  }
}

TEST(AgentCrash, a_running_app_stays_one_app) {
  walk(
      1, [](const SiteFiles&) {},
      [](Manager& manager) {
        EXPECT_THAT(manager.traces(), ElementsAre("app.i", "made.i", "runs.i", "secret.i"));
        EXPECT_EQ(manager.site.get("app.i"), "READY");
        EXPECT_EQ(manager.instance()->address, "10.9.0.20");
        EXPECT_EQ(manager.site.get("secret.i"), manager.instance()->client_secret);
      });
}

TEST(Agent, after_a_start_of_the_host_apps_run_again_without_anybody) {
  const TestDirectory directory;
  {
    Manager manager(directory.file(""));
    ASSERT_TRUE(run_script(manager, 1));
  }
  const SiteFiles site(directory.file("site"));
  site.drop("runs.i");
  site.put("away.platform");
  Manager manager(directory.file(""));
  EXPECT_TRUE(run_until(manager.loop, [&] { return site.has("runs.i"); }));
  EXPECT_EQ(manager.instance()->restarts, 1U);
}

TEST(Agent, an_app_that_the_platform_has_lost_is_provisioned_anew) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.drop("app.i");
  EXPECT_TRUE(run_until(manager.loop, [&] {
    return manager.site.get("app.i") == "READY" && manager.instance()->phase == Phase::kRunning;
  }));
  EXPECT_EQ(manager.instance()->client_id, "client2");
  EXPECT_EQ(manager.site.get("secret.i"), "secret2");
}

TEST(Agent, what_nobody_owns_is_removed_at_the_start) {
  const TestDirectory directory;
  const SiteFiles site(directory.file("site"));
  site.put("secret.gone");
  site.put("made.gone");
  site.put("image.old");
  Manager manager(directory.file(""));
  EXPECT_TRUE(run_until(manager.loop, [&] {
    return !site.has("secret.gone") && !site.has("made.gone") && !site.has("image.old");
  }));
  EXPECT_TRUE(site.has("image." + kKey));
}

TEST(Agent, a_vim_that_is_away_is_waited_for_while_ending) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.put("away.vim");
  ASSERT_TRUE(manager.desire(Desired::kNotInstantiated, 2));
  EXPECT_TRUE(run_until(manager.loop, [&] { return manager.instance()->attempts > 2; }));
  EXPECT_EQ(manager.instance()->phase, Phase::kRemoving);
  manager.site.drop("away.vim");
  EXPECT_TRUE(manager.settle());
  EXPECT_THAT(manager.traces(), IsEmpty());
}

TEST(Agent, what_is_desired_goes_by_revisions) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  const auto code = [&](Desired desired, uint64_t revision, const std::string& package = "p") {
    const auto done = manager.desire(desired, revision, package);
    return done ? std::optional<ErrorCode>() : std::optional(done.error().code);
  };
  EXPECT_EQ(code(Desired::kStarted, 5), std::nullopt);
  EXPECT_EQ(code(Desired::kStarted, 5), std::nullopt);
  EXPECT_EQ(code(Desired::kStopped, 5), ErrorCode::kConflict);
  EXPECT_EQ(code(Desired::kStarted, 4), ErrorCode::kConflict);
  EXPECT_FALSE(manager.desire(Desired::kStarted, 5, "p", 77));
  ASSERT_TRUE(manager.settle());
  EXPECT_EQ(code(Desired::kStarted, 6, "none"), ErrorCode::kConflict);
  EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE COMPLETED"));
  EXPECT_EQ(code(Desired::kStarted, 6), std::nullopt);  // it does already
  EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE COMPLETED"));
  EXPECT_EQ(manager.instance()->graceful_timeout_s, 4U);
  EXPECT_EQ(code(Desired::kStopped, 7), std::nullopt);
  EXPECT_EQ(manager.instance()->graceful_timeout_s, 3U);
  EXPECT_EQ(code(Desired::kNotInstantiated, 8), std::nullopt);
  ASSERT_TRUE(manager.settle());
  EXPECT_EQ(manager.operations().back(), "TERMINATE COMPLETED");
  EXPECT_EQ(code(Desired::kStarted, 9, "none"), ErrorCode::kNotFound);
}

TEST(Agent, an_app_that_takes_long_to_be_well_is_given_time_after_a_loss_too) {
  const TestDirectory directory;
  std::atomic<int> looks = 0;
  Manager manager(directory.file(""), [&](const std::string& step) {
    if (step == "RESTARTING begin") ++looks;
  });
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.put("sick", "30");
  manager.site.drop("runs.i");
  ASSERT_TRUE(run_until(manager.loop, [&] { return looks > 10; }));
  EXPECT_TRUE(manager.becomes(Phase::kRunning));
  EXPECT_EQ(manager.instance()->restarts, 1U);
  EXPECT_EQ(manager.site.get("sick"), "0");
}

TEST(Agent, an_app_that_is_never_well_is_recovered_again) {
  const TestDirectory directory;
  std::atomic<bool> looked = false;
  Manager manager(directory.file(""), [&](const std::string& step) {
    if (step == "RESTARTING done") looked = true;
  });
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.put("sick", "1000000");
  ASSERT_TRUE(run_until(manager.loop, [&] { return looked.load(); }));
  manager.clock.shift_s = 61;
  EXPECT_TRUE(run_until(manager.loop, [&] { return manager.instance()->restarts == 2; }));
  manager.site.put("sick", "0");
  EXPECT_TRUE(manager.becomes(Phase::kRunning));
}

TEST(Agent, who_starts_has_its_time_from_when_the_manager_looks) {
  const TestDirectory directory;
  const SiteFiles site(directory.file("site"));
  site.put("sick", "1000000");
  {
    Manager manager(directory.file(""));
    ASSERT_TRUE(manager.desire(Desired::kStarted, 1));
    ASSERT_TRUE(manager.becomes(Phase::kStarting));
  }
  std::atomic<int> looks = 0;
  Manager manager(
      directory.file(""),
      [&](const std::string& step) {
        if (step == "STARTING done") ++looks;
      },
      61);  // the manager was not there for so long
  ASSERT_TRUE(run_until(manager.loop, [&] { return looks > 3; }));
  EXPECT_EQ(manager.instance()->phase, Phase::kStarting);
  manager.clock.shift_s = 122;
  EXPECT_TRUE(manager.settle());
  EXPECT_EQ(manager.instance()->problem, "container main is not well: sick");
  EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE FAILED"));
}

TEST(Agent, only_failures_in_a_row_count) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 1));
  for (int i = 0; i < 3; ++i) {
    manager.site.put("sick", "2");
    ASSERT_TRUE(run_until(manager.loop, [&] {
      return manager.site.get("sick") == "0" && manager.instance()->attempts == 0;
    }));
    EXPECT_EQ(manager.instance()->problem, "");
  }
  EXPECT_EQ(manager.instance()->restarts, 0U);
}

TEST(Agent, what_is_away_for_a_while_undoes_nothing) {
  for (const auto* who : {"away.vim", "away.platform"}) {
    const TestDirectory directory;
    Manager manager(directory.file(""));
    manager.site.put(who);
    ASSERT_TRUE(manager.desire(Desired::kStarted, 1));
    ASSERT_TRUE(run_until(manager.loop,
                          [&] { return manager.instance() && manager.instance()->attempts > 8; }));
    EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE PROCESSING"));
    EXPECT_THAT(manager.instance()->problem, testing::HasSubstr("away"));
    manager.site.drop(who);
    EXPECT_TRUE(manager.settle());
    EXPECT_THAT(manager.operations(), ElementsAre("INSTANTIATE COMPLETED"));
  }
}

TEST(Agent, a_recovery_that_fails_late_keeps_its_client) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.put("fail.create");
  manager.site.drop("app.i");
  ASSERT_TRUE(run_until(manager.loop, [&] { return manager.instance()->attempts > 2; }));
  manager.site.drop("fail.create");
  ASSERT_TRUE(run_until(manager.loop, [&] { return manager.site.get("app.i") == "READY"; }));
  EXPECT_EQ(manager.instance()->client_id, "client2");
}

TEST(Agent, a_client_that_the_platform_does_not_know_is_made_anew) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 1));
  manager.site.put("client.i", "another");
  manager.site.put("app.i", "PROVISIONED");
  EXPECT_TRUE(run_until(manager.loop, [&] { return manager.site.get("app.i") == "READY"; }));
  EXPECT_EQ(manager.site.get("client.i"), manager.instance()->client_id);
}

TEST(Agent, what_somebody_tidied_up_is_made_again) {
  const TestDirectory directory;
  Manager manager(directory.file(""));
  ASSERT_TRUE(run_script(manager, 2));
  for (const auto* part : {"made.i", "secret.i"}) manager.site.drop(part);
  ASSERT_TRUE(run_script(manager, 3));
  EXPECT_EQ(manager.instance()->phase, Phase::kRunning);
}

TEST(Agent, what_cannot_be_looked_at_is_a_problem_and_ends_nothing) {
  for (const auto& [how, why] : {std::pair("away.vim", "away"), {"throw.status", "type_error"}}) {
    const TestDirectory directory;
    Manager manager(directory.file(""));
    ASSERT_TRUE(run_script(manager, 1));
    manager.site.put(how);
    ASSERT_TRUE(run_until(manager.loop, [&] {
      return manager.instance()->problem.find(why) != std::string::npos;
    })) << how;
    manager.site.drop(how);
    ASSERT_TRUE(run_until(manager.loop, [&] { return manager.instance()->problem.empty(); }));
    EXPECT_EQ(manager.instance()->restarts, 0U);
  }
}

}  // namespace
}  // namespace sluice::mepm
