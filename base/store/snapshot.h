// The whole content of a store at one time. Immutable, cheap to copy, for any thread.
#pragma once

#include <memory>
#include <vector>

#include "base/store/collection.h"

namespace sluice::store {

class Snapshot {
 public:
  // The values by id. The map, and what it gives out, live as long as this snapshot or a copy of
  // it, which therefore needs a name: `const auto now = store.snapshot(); now.of(...)`.
  template <typename T>
  const PersistentMap<Stored<T>>& of(Collection<T> collection) const& {
    return static_cast<const Table<T>&>(*content_->tables.at(collection.index_)).rows;
  }
  template <typename T>
  void of(Collection<T>) const&& = delete;

  // The stored value, or null.
  template <typename T>
  const Stored<T>* find(Collection<T> collection, std::string_view id) const& {
    return of(collection).find(id);
  }
  template <typename T>
  void find(Collection<T>, std::string_view) const&& = delete;

  // Of the last change in it; grows with every change of the store, across restarts.
  uint64_t revision() const { return content_->revision; }

  // Whether it is the very same state, not merely an equal one.
  bool operator==(const Snapshot&) const = default;

 private:
  friend class Store;
  friend class Transaction;
  struct Content {
    uint64_t revision = 0;
    std::vector<std::shared_ptr<const AnyTable>> tables;
  };
  explicit Snapshot(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  std::shared_ptr<const Content> content_;
};

// Calls visit(id, const Stored<T>* before, const Stored<T>* after) for what differs between two
// snapshots of the same store, in time proportional to that.
template <typename T, typename Visit>
void for_each_difference(const Snapshot& before, const Snapshot& after, Collection<T> collection,
                         Visit visit) {
  PersistentMap<Stored<T>>::for_each_difference(before.of(collection), after.of(collection), visit);
}

}  // namespace sluice::store
