// What is kept beside a collection, an index say, brought up to date by what changed in it.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include "base/store/snapshot.h"

namespace sluice::store {

// Of a collection of T. So what is kept is right after a restart, after a write that failed, and
// whoever made the change. From any thread.
template <typename T>
class Follower {
 public:
  explicit Follower(Collection<T> collection) : collection_(collection) {}

  // forget(id) and then remember(id, const Stored<T>&) for each value that is another one than in
  // the state that was seen last, while nobody reads. Nothing when `state` is no later than that.
  template <typename Forget, typename Remember>
  void catch_up(const Snapshot& state, Forget forget, Remember remember) {
    {
      const std::shared_lock lock(mutex_);
      if (revision_ >= state.revision()) return;
    }
    const std::lock_guard lock(mutex_);
    if (revision_ >= state.revision()) return;
    const auto& rows = state.of(collection_);
    Rows::for_each_difference(seen_, rows, [&](const auto& id, const auto* was, const auto* is) {
      if (was != nullptr) forget(id);
      if (is != nullptr) remember(id, *is);
    });
    seen_ = rows;
    revision_ = state.revision();
  }

  // Held by whoever looks at what is kept.
  std::shared_lock<std::shared_mutex> reading() { return std::shared_lock(mutex_); }

 private:
  using Rows = PersistentMap<Stored<T>>;

  const Collection<T> collection_;
  std::shared_mutex mutex_;
  Rows seen_;
  uint64_t revision_ = 0;
};

}  // namespace sluice::store
