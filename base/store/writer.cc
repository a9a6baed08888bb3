#include "base/store/writer.h"

namespace sluice::store {

Result<Writer> Writer::prepare(Database db, const std::vector<std::string>& names) {
  auto begin = db.prepare("BEGIN IMMEDIATE");
  if (!begin) return std::unexpected(begin.error());
  auto commit = db.prepare("COMMIT");
  if (!commit) return std::unexpected(commit.error());
  auto set_revision = db.prepare("UPDATE meta SET value = ? WHERE key = 'revision'");
  if (!set_revision) return std::unexpected(set_revision.error());
  Writer out(std::move(db), std::move(*begin), std::move(*commit), std::move(*set_revision));
  for (const auto& name : names) {
    auto put = out.db_.prepare(
        fmt::format("INSERT OR REPLACE INTO \"{}\" (id, revision, value) VALUES (?, ?, ?)", name));
    if (!put) return std::unexpected(put.error());
    auto erase = out.db_.prepare(fmt::format("DELETE FROM \"{}\" WHERE id = ?", name));
    if (!erase) return std::unexpected(erase.error());
    out.collections_.push_back({std::move(*put), std::move(*erase)});
  }
  return out;
}

Result<void> Writer::write_rows(const RowWrites& rows, uint64_t revision) {
  for (const auto& [key, row] : rows) {
    auto& [put, erase] = collections_[key.first];
    auto ok = row.text ? put.bind(0, key.second)
                             .bind(1, static_cast<int64_t>(row.revision))
                             .bind(2, *row.text)
                             .run()
                       : erase.bind(0, key.second).run();
    if (!ok) return ok;
  }
  return set_revision_.bind(0, std::to_string(revision)).run();
}

Result<void> Writer::write(const RowWrites& rows, uint64_t revision) {
  auto ok = begin_.run();
  if (!ok) return ok;
  ok = write_rows(rows, revision);
  if (ok) ok = commit_.run();
  if (!ok) (void)db_.execute("ROLLBACK");  // fails only if SQLite did it by itself
  return ok;
}

}  // namespace sluice::store
