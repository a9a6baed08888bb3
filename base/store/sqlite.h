// A thin layer over SQLite: ownership and errors, nothing more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::store {

// A prepared statement. Parameters and columns count from 0.
class Statement {
 public:
  // What goes wrong here is the error of the next run() or step().
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, int64_t value);

  // Runs a statement that returns no rows, and resets it for the next run, for which it has no
  // values.
  Result<void> run();
  // The next row, or false after the last, when the statement is reset.
  Result<bool> step();
  std::string text(int column) const;
  int64_t integer(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement& bound(int code);
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = 0;  // SQLite's code of the first that failed since the last run
};

class Database {
 public:
  // Opens or creates the file. kUnavailable when another process holds it, kInternal when it is no
  // database or damaged.
  static Result<Database> open(const std::string& path);

  Result<void> execute(const std::string& sql);  // any number of statements, no rows
  Result<Statement> prepare(std::string_view sql);
  Result<int64_t> single_integer(std::string_view sql);   // 0 when there is no row
  Result<std::string> single_text(std::string_view sql);  // empty when there is no row

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit Database(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace sluice::store
