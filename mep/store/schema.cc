#include "mep/store/schema.h"

#include <array>

namespace sluice::mep {
namespace {

// Step i brings version i to i + 1. A step is never changed once released; append instead.
constexpr std::array kSteps = {
    // Rules are kept as the JSON of Mp1: the model may grow without a new step. `declared` is the
    // rule of the app's package, `current` the rule as the app has changed it.
    R"sql(
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE app_instance (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, revision INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE rule (
        app_instance_id TEXT NOT NULL REFERENCES app_instance (id) ON DELETE CASCADE,
        kind TEXT NOT NULL, id TEXT NOT NULL, current TEXT NOT NULL, declared TEXT NOT NULL,
        revision INTEGER NOT NULL, "order" INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
        PRIMARY KEY (app_instance_id, kind, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE client (
        id TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, scopes TEXT NOT NULL,
        app_instance_id TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES
        ('source', lower(hex(randomblob(16)))), ('generation', '1'), ('revision', '0');
    )sql",
};

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

Result<void> migrate(Database& db) {
  const auto version = db.single_integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  constexpr auto kNewest = static_cast<int64_t>(kSteps.size());
  if (*version > kNewest) {
    return fail(ErrorCode::kUnsupported,
                "written by a newer sluice-mep (version {}, this one knows {})", *version, kNewest);
  }
  for (auto step = *version; step < kNewest; ++step) {
    const auto sql = fmt::format("BEGIN; {} PRAGMA user_version = {}; COMMIT;",
                                 kSteps[static_cast<size_t>(step)], step + 1);
    if (auto ok = db.execute(sql); !ok) return ok;
  }
  return {};
}

}  // namespace

Result<void> prepare_schema(Database& db, const std::string& path) {
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
  if (auto ok = migrate(db); !ok) {
    return fail(ok.error().code, "{}: {}", path, ok.error().message);
  }
  return {};
}

}  // namespace sluice::mep
