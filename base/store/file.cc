#include "base/store/file.h"

#include <filesystem>

namespace sluice::store {
namespace {

using std::filesystem::perms;

Result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.empty()) return {};
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, perms::owner_all, error);
  }
  if (error) {
    return fail(ErrorCode::kInternal, "create {}: {}", directory.string(), error.message());
  }
  return {};
}

Result<void> set_up_connection(Database& db) {
  // EXCLUSIVE before the first access keeps a second process out for good. FULL syncs the log at
  // every commit: what is acknowledged survives a power cut.
  return db.execute(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON; BEGIN EXCLUSIVE; COMMIT;");
}

Result<void> check_sound(Database& db) {
  auto check = db.prepare("PRAGMA quick_check(1)");
  if (!check) return std::unexpected(check.error());
  const auto row = check->step();
  if (!row) return std::unexpected(row.error());
  if (*row && check->text(0) != "ok") return fail(ErrorCode::kInternal, "{}", check->text(0));
  return {};
}

Result<void> in_transaction(Database& db, const Schema::Step& step, int64_t version) {
  auto ok = db.execute("BEGIN");
  if (ok) ok = step(db);
  if (ok) ok = db.execute(fmt::format("PRAGMA user_version = {}; COMMIT", version));
  if (!ok) (void)db.execute("ROLLBACK");
  return ok;
}

// The source tells this store from all others; the revision counts its changes.
Result<void> make_meta(Database& db) {
  return db.execute(
      "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, "
      "WITHOUT ROWID;"
      "INSERT OR IGNORE INTO meta VALUES ('source', lower(hex(randomblob(16)))), "
      "('revision', '0');");
}

Result<void> migrate(Database& db, const std::vector<Schema::Step>& steps) {
  const auto version = db.single_integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto newest = static_cast<int64_t>(steps.size()) + 1;
  if (*version > newest) {
    return fail(ErrorCode::kUnsupported,
                "written by a newer version of this program (format {}, this one knows {})",
                *version, newest);
  }
  if (*version == 0) return in_transaction(db, make_meta, newest);
  for (auto from = *version; from < newest; ++from) {
    if (auto ok = in_transaction(db, steps[static_cast<size_t>(from) - 1], from + 1); !ok) {
      return ok;
    }
  }
  return {};
}

}  // namespace

Result<Database> open_file(const std::string& path) {
  if (auto made = make_directory(std::filesystem::path(path).parent_path()); !made) {
    return std::unexpected(made.error());
  }
  auto db = Database::open(path);
  if (!db) return db;
  // The files that SQLite adds take its mode.
  std::error_code error;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write, error);
  if (error) return fail(ErrorCode::kInternal, "chmod {}: {}", path, error.message());
  return db;
}

Result<void> prepare_file(Database& db, const Schema& schema, const std::string& path) {
  if (auto ok = set_up_connection(db); !ok) {
    if (ok.error().code == ErrorCode::kUnavailable) {
      return fail(ErrorCode::kUnavailable, "{} is in use by another process ({})", path,
                  ok.error().message);
    }
    return fail(ErrorCode::kInternal, "{} cannot be used: {}; move it away to start empty", path,
                ok.error().message);
  }
  if (auto ok = check_sound(db); !ok) {
    return fail(ErrorCode::kInternal, "{} is damaged: {}; restore a copy or move it away", path,
                ok.error().message);
  }
  auto ok = schema.check_names();
  if (ok) ok = migrate(db, schema.steps_);
  std::string tables = "BEGIN;";
  for (const auto& entry : schema.entries_) tables += Schema::create_table_sql(entry.name);
  if (ok) ok = db.execute(tables + "COMMIT");
  if (!ok) return fail(ok.error().code, "{}: {}", path, ok.error().message);
  return {};
}

}  // namespace sluice::store
