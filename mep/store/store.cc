#include "mep/store/store.h"

#include <filesystem>

#include "base/log.h"
#include "mep/auth/secret.h"
#include "mep/store/schema.h"
#include "mep/store/tables.h"

namespace sluice::mep {
namespace {

int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall().time_since_epoch())
      .count();
}

Result<void> make_directory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return fail(ErrorCode::kInternal, "create {}: {}", directory, error.message());
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, const Clock& clock) {
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  const auto path = directory + "/mep.db";
  auto db = store::Database::open(path);
  if (!db) return std::unexpected(db.error());
  // It holds the clients' hashed secrets. The files that SQLite adds take its mode.
  std::error_code error;
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write, error);
  if (error) return fail(ErrorCode::kInternal, "chmod {}: {}", path, error.message());
  if (auto ready = prepare_schema(*db, path); !ready) return std::unexpected(ready.error());
  auto state = read_state(*db);
  if (!state) {
    return fail(ErrorCode::kInternal, "{}: {}", path, state.error().to_string());
  }
  state->source += "/" + auth::new_secret().substr(0, 16);
  return std::unique_ptr<Store>(
      new Store(std::move(*db), clock, std::make_shared<const State>(std::move(*state))));
}

Store::Store(store::Database db, const Clock& clock, std::shared_ptr<const State> state)
    : db_(std::move(db)), clock_(clock), state_(std::move(state)) {}

std::shared_ptr<const State> Store::snapshot() const {
  const std::lock_guard lock(state_mutex_);
  return state_;
}

void Store::publish(std::shared_ptr<const State> state) {
  {
    const std::lock_guard lock(state_mutex_);
    state_ = state;
  }
  if (listener_) listener_(std::move(state));
}

Result<void> Store::change(const Edit& edit) {
  const std::lock_guard lock(writer_);
  Draft draft(snapshot(), unix_ms(clock_));
  if (auto ok = edit(draft); !ok) return ok;
  if (draft.empty()) return {};
  const auto apps = draft.changed_apps();
  const auto clients = draft.changed_clients();
  auto state = draft.finish();

  auto written = db_.execute("BEGIN IMMEDIATE");
  if (written) {
    written = write_changes(db_, *state, apps, clients);
    if (written) written = db_.execute("COMMIT");
    if (!written) (void)db_.execute("ROLLBACK");  // fails only if SQLite did it by itself
  }
  if (!written) {
    spdlog::error("store write failed reason=\"{}\"", written.error().to_string());
    // What SQLite says names our tables and files: for the log, not for a client.
    return fail(written.error().code, "the platform cannot store this; its log says why");
  }
  publish(std::move(state));
  return {};
}

}  // namespace sluice::mep
