// Writes rows of collections, each group in one durable transaction.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/store/schema.h"
#include "base/store/sqlite.h"
#include "base/store/transaction.h"

namespace sluice::store {

class Writer {
 public:
  // `names` are the collections, in the order of their indices.
  static Result<Writer> prepare(Database db, const std::vector<std::string>& names);

  // All rows and the revision of the store, or nothing. Synced when it returns.
  Result<void> write(const RowWrites& rows, uint64_t revision);

 private:
  struct Statements {
    Statement put;
    Statement erase;
  };
  Writer(Database db, Statement begin, Statement commit, Statement set_revision)
      : db_(std::move(db)),
        begin_(std::move(begin)),
        commit_(std::move(commit)),
        set_revision_(std::move(set_revision)) {}
  Result<void> write_rows(const RowWrites& rows, uint64_t revision);

  Database db_;  // first: statements end before it
  Statement begin_;
  Statement commit_;
  Statement set_revision_;
  std::vector<Statements> collections_;
};

}  // namespace sluice::store
