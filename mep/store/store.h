// The platform's memory on disk. What was acknowledged survives a crash of the process and of the
// machine; readers never wait for writers.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/store/sqlite.h"
#include "mep/store/draft.h"
#include "mep/store/state.h"

namespace sluice::mep {

class Store {
 public:
  // Opens or creates `directory`/mep.db; the directory is made (0700) when missing. Fails when
  // another process uses the file, when it is damaged, and when a newer version wrote it.
  static Result<std::unique_ptr<Store>> open(const std::string& directory, const Clock& clock);

  // The state after the last acknowledged change. From any thread; never blocks on a write.
  std::shared_ptr<const State> snapshot() const;

  // Runs `edit` on a draft of the current state. If it succeeds, what it changed is written and
  // synced before this returns, and published; if it or the write fails, nothing changed. Changes
  // exclude each other; `edit` must not call change(). From any thread.
  using Edit = std::function<Result<void>(Draft&)>;
  Result<void> change(const Edit& edit);

  // Called after every change, in order, on the thread that made it; must not block. Set once,
  // before the first change.
  using Listener = std::function<void(std::shared_ptr<const State>)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }

 private:
  Store(store::Database db, const Clock& clock, std::shared_ptr<const State> state);
  void publish(std::shared_ptr<const State> state);

  store::Database db_;
  const Clock& clock_;
  std::mutex writer_;  // held through a change
  Listener listener_;
  mutable std::mutex state_mutex_;  // held for a pointer copy only
  std::shared_ptr<const State> state_;
};

}  // namespace sluice::mep
