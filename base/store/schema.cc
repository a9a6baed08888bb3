#include "base/store/schema.h"

#include <algorithm>
#include <set>

namespace sluice::store {
namespace {

using nlohmann::json;

bool is_word(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  });
}

}  // namespace

std::string Schema::create_table_sql(std::string_view collection) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS \"{}\" (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, "
      "value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
      collection);
}

Result<void> Schema::check_names() const {
  std::set<std::string_view> seen{"meta"};
  for (const auto& entry : entries_) {
    if (!is_word(entry.name) || !seen.insert(entry.name).second) {
      return fail(ErrorCode::kInternal, "'{}' cannot be the name of a collection", entry.name);
    }
  }
  return {};
}

Result<std::string> Schema::encode(size_t collection, const void* value) const {
  try {
    return entries_.at(collection).encode(value);
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInvalidArgument, "cannot be stored: {}", e.what());
  }
}

Result<std::shared_ptr<const AnyTable>> Schema::load(Database& db, const Entry& entry) const {
  auto rows =
      db.prepare(fmt::format("SELECT id, revision, value FROM \"{}\" ORDER BY id", entry.name));
  if (!rows) return std::unexpected(rows.error());
  auto table = entry.empty();
  for (;;) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return table;
    const auto id = rows->text(0);
    const auto value = json::parse(rows->text(2), nullptr, /*allow_exceptions=*/false);
    auto ok = value.is_discarded()
                  ? Result<void>(fail(ErrorCode::kInternal, "not JSON"))
                  : entry.insert(*table, id, static_cast<uint64_t>(rows->integer(1)), value);
    if (!ok) {
      return fail(ErrorCode::kInternal, "{} {} does not read: {}", entry.name, id,
                  ok.error().to_string());
    }
  }
}

}  // namespace sluice::store
