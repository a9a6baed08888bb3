#include "base/store/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace sluice::store {
namespace {

constexpr int kBusyTimeoutMs = 500;

Error error_of(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db);
  // Full disks and locks pass; the rest needs a person.
  const bool passing =
      code == SQLITE_FULL || code == SQLITE_BUSY || code == SQLITE_IOERR || code == SQLITE_LOCKED;
  return {passing ? ErrorCode::kUnavailable : ErrorCode::kInternal,
          fmt::format("{}: {}", doing, sqlite3_errmsg(db)),
          {}};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* db) const { sqlite3_close(db); }

Statement& Statement::bind(int parameter, std::string_view text) {
  return bound(sqlite3_bind_text64(statement_.get(), parameter + 1, text.data(), text.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind(int parameter, int64_t value) {
  return bound(sqlite3_bind_int64(statement_.get(), parameter + 1, value));
}

Statement& Statement::bound(int code) {
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (const int code = std::exchange(bind_error_, SQLITE_OK); code != SQLITE_OK) {
    return fail(ErrorCode::kInternal, "{}: {}", sqlite3_sql(statement_.get()),
                sqlite3_errstr(code));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  auto* db = sqlite3_db_handle(statement_.get());
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto error = error_of(db, sqlite3_sql(statement_.get()));
  sqlite3_reset(statement_.get());
  return std::unexpected(std::move(error));
}

Result<void> Statement::run() {
  const auto row = step();
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  if (!row) return std::unexpected(row.error());
  return {};
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return std::unexpected(error_of(raw, "open " + path));
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  return db;
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(error_of(db_.get(), sql.substr(0, 80)));
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) !=
      SQLITE_OK) {
    return std::unexpected(error_of(db_.get(), sql));
  }
  return Statement(raw);
}

Result<int64_t> Database::single_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Database::single_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->text(0) : std::string();
}

}  // namespace sluice::store
