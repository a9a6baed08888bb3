// What a change sees of the store and does to it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/store/snapshot.h"

namespace sluice::store {

class Schema;

// One row to write: the value as JSON text, or its removal.
struct RowWrite {
  std::optional<std::string> text;
  uint64_t revision = 0;
};
// By collection and id, the last write of each.
using RowWrites = std::map<std::pair<size_t, std::string>, RowWrite>;

class Transaction {
 public:
  // The store as this change leaves it so far: all changes before it, and its own. What was read
  // through it stays valid until the end of the change, overwritten or not.
  const Snapshot& view() const { return view_; }

  // Adds or replaces. A value that cannot be written as JSON (text that is not UTF-8) makes the
  // whole change fail with kInvalidArgument.
  template <typename T>
  void put(Collection<T> collection, std::string id, T value) {
    const auto& rows = view_.of(collection);
    Stored<T> stored{std::move(value), revision_};
    write(collection.index_, id, &stored.value);
    replace(collection.index_,
            std::make_shared<const Table<T>>(rows.with(std::move(id), std::move(stored))));
  }
  // Whether it was there.
  template <typename T>
  bool erase(Collection<T> collection, std::string_view id) {
    const auto& rows = view_.of(collection);
    if (!rows.contains(id)) return false;
    write(collection.index_, std::string(id), nullptr);
    replace(collection.index_, std::make_shared<const Table<T>>(rows.without(id)));
    return true;
  }

  // Of this change: what its values will be stored with.
  uint64_t revision() const { return revision_; }
  // When it was made; the same during the whole change.
  std::chrono::system_clock::time_point now() const { return now_; }

 private:
  friend class Store;
  Transaction(const Schema& schema, Snapshot base, uint64_t revision,
              std::chrono::system_clock::time_point now)
      : schema_(schema), view_(std::move(base)), revision_(revision), now_(now) {}

  void write(size_t collection, const std::string& id, const void* value);  // null: erased
  void replace(size_t collection, std::shared_ptr<const AnyTable> table);

  const Schema& schema_;
  Snapshot view_;
  uint64_t revision_;
  std::chrono::system_clock::time_point now_;
  RowWrites writes_;
  std::vector<Snapshot> passed_;  // keeps alive what was read
  std::optional<Error> error_;    // the first value that could not be written
};

}  // namespace sluice::store
