// Keeps every app instance of the site where somebody wants it: by the table of lifecycle.h, from
// the store alone, so that it goes on after a crash or a start of the host without anybody's help.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "app-package/content_files.h"
#include "app-package/reader.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/store/store.h"
#include "base/work_queue.h"
#include "mepm/agent/app_plan.h"
#include "mepm/agent/platform.h"
#include "mepm/agent/records.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

struct AgentOptions {
  AppOptions apps;
  app_package::ReaderOptions reader;
  size_t threads = 4;                            // instances that something is done for at a time
  std::chrono::milliseconds watch_period{1000};  // of what runs
  std::chrono::milliseconds poll_period{200};    // of what is waited for
  std::chrono::milliseconds first_pause{500};    // after a failure; doubled with each
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds start_timeout{60'000};  // until the app is well
  uint32_t attempts = 5;  // before what may pass, though it was reached, is taken for a failure
  size_t operations_kept = 1000;
  // For tests: told of every step, "LOADING begin", "LOADING done", "LOADING stored".
  std::function<void(const std::string& point)> on_step;
};

// What is asked of an instance.
struct InstanceRequest {
  std::string id;
  std::string package;
  Desired desired = Desired::kNotInstantiated;
  uint64_t revision = 0;
  std::optional<uint32_t> graceful_timeout_s;  // absent: what the descriptor says
};

class Agent {
 public:
  // All references must outlive it; on the loop's thread, as stop().
  Agent(EventLoop& loop, const Clock& clock, store::Store& store, const AgentRecords& records,
        const app_package::ContentFiles& files, Vim& vim, Platform& platform, AgentOptions options);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();
  // Takes up what was under way, and removes what nobody owns.
  void start();
  // Ends what is being done, at its next point in the table.
  void stop();

  // Within a change of the store: makes the instance or changes what is desired of it. The same
  // again changes nothing. kConflict for an older revision, the same one with another content, or
  // another package while it is instantiated; kNotFound: no such package; kUnsupported as
  // check_plan().
  Result<void> desire(store::Transaction& change, const InstanceRequest& request) const;
  // Within a change: kConflict unless it is NOT_INSTANTIATED and nothing is under way.
  Result<void> forget(store::Transaction& change, const std::string& id) const;
  // After such a change is durable. From any thread.
  void wake(const std::string& id);

  Vim& vim() const { return vim_; }
  const AgentRecords& records() const { return records_; }

 private:
  struct Outcome;
  struct Slot {  // on the loop's thread
    bool busy = false;
    bool again = false;
    std::optional<TimerId> timer;
  };

  void schedule(const std::string& id, std::chrono::milliseconds delay);
  void run(const std::string& id);
  void finished(const std::string& id, std::optional<std::chrono::milliseconds> delay);
  void sweep(uint32_t attempt);
  Result<void> remove_orphans();

  // On a thread of the queue. How long until the next step; nothing: when somebody wakes it.
  std::optional<std::chrono::milliseconds> step(const std::string& id);
  Outcome act(const InstanceRecord& record, const PackageRecord& package);
  Outcome load(const PackageRecord& package);
  Outcome provision(const InstanceRecord& record, const AppPlan& plan);
  Outcome start_up(const InstanceRecord& record, const PackageRecord& package, const AppPlan& plan);
  Outcome confirm(const InstanceRecord& record);
  Outcome make_anew(const InstanceRecord& record, const PackageRecord& package,
                    const AppPlan& plan);
  Outcome recover(const InstanceRecord& record, const PackageRecord& package, const AppPlan& plan);
  Outcome watch(const InstanceRecord& record, const AppPlan& plan);
  Outcome say_goodbye(const InstanceRecord& record, const std::string& action,
                      const std::string& end);
  Result<void> probe(const AppPlan& plan);

  bool advance(const InstanceRecord& before, Event event, const Outcome& outcome);
  // Changes nothing else; nothing when it is so already.
  void note(const InstanceRecord& before, uint32_t attempts, const std::string& problem);
  bool keep(const InstanceRecord& before, const AppCredentials& credentials);
  // In this phase, by this process: what it did not see it cannot hold against an app.
  std::chrono::milliseconds waited(const InstanceRecord& record);
  void enter(store::Transaction& change, InstanceRecord& record, Phase phase) const;
  void close_operation(store::Transaction& change, InstanceRecord& record, const char* state,
                       const std::string& detail) const;
  void open_operation(store::Transaction& change, InstanceRecord& record,
                      const char* operation) const;
  std::chrono::milliseconds pause(uint32_t attempts) const;
  void reached(Phase phase, const char* point) const;
  int64_t now_ms() const;

  EventLoop& loop_;
  const Clock& clock_;
  store::Store& store_;
  const AgentRecords records_;
  const app_package::ContentFiles& files_;
  Vim& vim_;
  Platform& platform_;
  const AgentOptions options_;
  std::map<std::string, Slot, std::less<>> slots_;
  std::mutex loading_;  // of images: one at a time
  struct Wait {
    int64_t since_ms = 0;  // of the record
    std::chrono::steady_clock::time_point begun;
  };
  std::mutex waits_mutex_;  // guards waits_
  std::map<std::string, Wait, std::less<>> waits_;
  std::atomic<bool> stopped_ = false;
  const std::shared_ptr<Agent*> alive_ = std::make_shared<Agent*>(this);
  WorkQueue queue_;
};

}  // namespace sluice::mepm
