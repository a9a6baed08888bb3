// What a store keeps: collections of values of one type each, under ids.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/store/persistent_map.h"

namespace sluice::store {

template <typename T>
struct Stored {
  T value;
  // Of the change that wrote it. Never used for another content of the store: entity tags are made
  // of it.
  uint64_t revision = 0;
};

// Names a collection of the schema that it came from; a plain number. Schema::add() makes it.
template <typename T>
class Collection {
 public:
  Collection() = default;  // of no schema: not to be used

 private:
  friend class Schema;
  friend class Snapshot;
  friend class Transaction;
  explicit Collection(size_t index) : index_(index) {}
  size_t index_ = static_cast<size_t>(-1);
};

// The contents of one collection, its type forgotten.
class AnyTable {
 public:
  AnyTable() = default;
  AnyTable(const AnyTable&) = delete;
  AnyTable& operator=(const AnyTable&) = delete;
  virtual ~AnyTable() = default;
};

template <typename T>
class Table final : public AnyTable {
 public:
  Table() = default;
  explicit Table(PersistentMap<Stored<T>> rows_) : rows(std::move(rows_)) {}
  PersistentMap<Stored<T>> rows;
};

}  // namespace sluice::store
