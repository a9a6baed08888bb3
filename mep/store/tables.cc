#include "mep/store/tables.h"

#include <nlohmann/json.hpp>

#include "traffic-rules/json.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::DnsRule;
using traffic_rules::TrafficRule;

constexpr std::string_view kReadyWord = "READY";
constexpr std::string_view kProvisionedWord = "PROVISIONED";

const char* kind_of(const TrafficRule&) { return "TRAFFIC"; }
const char* kind_of(const DnsRule&) { return "DNS"; }
Result<TrafficRule> parse(const json& value, const TrafficRule*) {
  return traffic_rules::traffic_rule_from_json(value);
}
Result<DnsRule> parse(const json& value, const DnsRule*) {
  return traffic_rules::dns_rule_from_json(value);
}

template <typename Rule>
Result<Rule> parse_text(const std::string& text) {
  const auto value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(ErrorCode::kInternal, "not JSON");
  return parse(value, static_cast<const Rule*>(nullptr));
}

Result<uint64_t> read_counter(Database& db, const char* key) {
  auto statement = db.prepare("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?");
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->bind(0, key).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return fail(ErrorCode::kInternal, "meta has no {}", key);
  return static_cast<uint64_t>(statement->integer(0));
}

// Calls visit(row) for every row; stops at the first error.
template <typename Visit>
Result<void> each_row(Database& db, std::string_view sql, Visit visit) {
  auto statement = db.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  for (;;) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if (Result<void> ok = visit(*statement); !ok) return ok;
  }
}

// Columns: app_instance_id, kind, id, current, declared, revision, order, changed_ms.
template <typename Rule>
Result<std::shared_ptr<const RuleRecord<Rule>>> read_record(const Statement& row) {
  auto rule = parse_text<Rule>(row.text(3));
  auto declared = parse_text<Rule>(row.text(4));
  if (!rule || !declared) {
    return fail(ErrorCode::kInternal, "rule {}/{} does not read: {}", row.text(0), row.text(2),
                (rule ? declared.error() : rule.error()).to_string());
  }
  return std::make_shared<const RuleRecord<Rule>>(RuleRecord<Rule>{
      std::move(*rule), std::move(*declared), static_cast<uint64_t>(row.integer(5)),
      static_cast<uint64_t>(row.integer(6)), row.integer(7)});
}

template <typename Rule>
Result<void> add_rule(RuleRecords<Rule>& records, const Statement& row) {
  auto record = read_record<Rule>(row);
  if (!record) return std::unexpected(record.error());
  records.emplace(row.text(2), std::move(*record));
  return {};
}

Result<void> read_apps(Database& db, State& state) {
  std::map<std::string, AppInstance, std::less<>> apps;
  auto ok = each_row(db, "SELECT id, name, state, revision FROM app_instance",
                     [&](const Statement& row) -> Result<void> {
                       AppInstance app;
                       app.id = row.text(0);
                       app.name = row.text(1);
                       app.state =
                           row.text(2) == kReadyWord ? AppState::kReady : AppState::kProvisioned;
                       app.revision = static_cast<uint64_t>(row.integer(3));
                       apps.emplace(app.id, std::move(app));
                       return {};
                     });
  if (!ok) return ok;
  ok = each_row(db,
                "SELECT app_instance_id, kind, id, current, declared, revision, \"order\", "
                "changed_ms FROM rule",
                [&](const Statement& row) -> Result<void> {
                  const auto app = apps.find(row.text(0));
                  if (app == apps.end()) return {};  // impossible by the foreign key
                  return row.text(1) == "DNS" ? add_rule(app->second.dns_rules, row)
                                              : add_rule(app->second.traffic_rules, row);
                });
  if (!ok) return ok;
  for (auto& [id, app] : apps) {
    state.apps.emplace(id, std::make_shared<const AppInstance>(std::move(app)));
  }
  return {};
}

// Columns: id, secret_hash, scopes, app_instance_id (empty for an operator's client).
Result<auth::Client> read_client(const Statement& row) {
  auto hash = auth::SecretHash::parse(row.text(1));
  if (!hash) return fail(ErrorCode::kInternal, "the hash of client {} does not read", row.text(0));
  auth::Client client{row.text(0), *hash, auth::split_scopes(row.text(2)), std::nullopt};
  if (auto app = row.text(3); !app.empty()) client.app_instance_id = std::move(app);
  return client;
}

Result<void> read_clients(Database& db, State& state) {
  return each_row(db, "SELECT id, secret_hash, scopes, app_instance_id FROM client",
                  [&](const Statement& row) -> Result<void> {
                    auto client = read_client(row);
                    if (!client) return std::unexpected(client.error());
                    state.clients.emplace(row.text(0),
                                          std::make_shared<const auth::Client>(std::move(*client)));
                    return {};
                  });
}

template <typename Rule>
Result<void> write_rules(Database& db, const std::string& app_id, const RuleRecords<Rule>& records,
                         uint64_t revision) {
  auto statement = db.prepare(
      "INSERT OR REPLACE INTO rule (app_instance_id, kind, id, current, declared, revision, "
      "\"order\", changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  for (const auto& [id, record] : records) {
    if (record->revision != revision) continue;  // not of this change
    auto ok = statement->bind(0, app_id)
                  .bind(1, kind_of(record->rule))
                  .bind(2, id)
                  .bind(3, to_json(record->rule).dump())
                  .bind(4, to_json(record->declared).dump())
                  .bind(5, static_cast<int64_t>(record->revision))
                  .bind(6, static_cast<int64_t>(record->order))
                  .bind(7, record->changed_ms)
                  .run();
    if (!ok) return ok;
  }
  return {};
}

// Rules that the instance had and has no more.
Result<void> delete_rules(Database& db, const AppInstance& app) {
  std::vector<std::pair<std::string, std::string>> gone;
  auto stored = db.prepare("SELECT kind, id FROM rule WHERE app_instance_id = ?");
  if (!stored) return std::unexpected(stored.error());
  stored->bind(0, app.id);
  for (;;) {
    const auto row = stored->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto kind = stored->text(0);
    const auto id = stored->text(1);
    const bool kept = kind == "DNS" ? app.dns_rules.contains(id) : app.traffic_rules.contains(id);
    if (!kept) gone.emplace_back(kind, id);
  }
  auto statement = db.prepare("DELETE FROM rule WHERE app_instance_id = ? AND kind = ? AND id = ?");
  if (!statement) return std::unexpected(statement.error());
  for (const auto& [kind, id] : gone) {
    if (auto ok = statement->bind(0, app.id).bind(1, kind).bind(2, id).run(); !ok) return ok;
  }
  return {};
}

Result<void> delete_row(Database& db, std::string_view sql, const std::string& id) {
  auto statement = db.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(0, id).run();
}

Result<void> write_app(Database& db, const AppInstance& app) {
  auto statement = db.prepare(
      "INSERT INTO app_instance (id, name, state, revision) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (id) DO UPDATE SET name = ?2, state = ?3, revision = ?4");
  if (!statement) return std::unexpected(statement.error());
  auto ok = statement->bind(0, app.id)
                .bind(1, app.name)
                .bind(2, app.state == AppState::kReady ? kReadyWord : kProvisionedWord)
                .bind(3, static_cast<int64_t>(app.revision))
                .run();
  if (ok) ok = delete_rules(db, app);
  if (ok) ok = write_rules(db, app.id, app.traffic_rules, app.revision);
  if (ok) ok = write_rules(db, app.id, app.dns_rules, app.revision);
  return ok;
}

Result<void> write_client(Database& db, const auth::Client& client) {
  auto statement = db.prepare(
      "INSERT OR REPLACE INTO client (id, secret_hash, scopes, app_instance_id) "
      "VALUES (?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(0, client.client_id)
      .bind(1, client.secret_hash.to_string())
      .bind(2, auth::join_scopes(client.scopes))
      .bind(3, client.app_instance_id.value_or(""))
      .run();
}

}  // namespace

Result<State> read_state(Database& db) {
  State state;
  auto source = db.prepare("SELECT value FROM meta WHERE key = 'source'");
  if (!source) return std::unexpected(source.error());
  const auto row = source->step();
  if (!row) return std::unexpected(row.error());
  state.source = source->text(0);
  const auto generation = read_counter(db, "generation");
  if (!generation) return std::unexpected(generation.error());
  const auto revision = read_counter(db, "revision");
  if (!revision) return std::unexpected(revision.error());
  state.generation = *generation;
  state.revision = *revision;
  if (auto ok = read_apps(db, state); !ok) return std::unexpected(ok.error());
  if (auto ok = read_clients(db, state); !ok) return std::unexpected(ok.error());
  return state;
}

Result<void> write_changes(Database& db, const State& state, const std::set<std::string>& apps,
                           const std::set<std::string>& clients) {
  auto counter = db.prepare("UPDATE meta SET value = ? WHERE key = ?");
  if (!counter) return std::unexpected(counter.error());
  for (const auto& [key, value] :
       {std::pair{"generation", state.generation}, std::pair{"revision", state.revision}}) {
    if (auto ok = counter->bind(0, std::to_string(value)).bind(1, key).run(); !ok) return ok;
  }
  for (const auto& id : apps) {
    const auto* app = state.find_app(id);
    auto ok = app != nullptr ? write_app(db, *app)
                             : delete_row(db, "DELETE FROM app_instance WHERE id = ?", id);
    if (!ok) return ok;
  }
  for (const auto& id : clients) {
    const auto client = state.clients.find(id);
    auto ok = client != state.clients.end() ? write_client(db, *client->second)
                                            : delete_row(db, "DELETE FROM client WHERE id = ?", id);
    if (!ok) return ok;
  }
  return {};
}

}  // namespace sluice::mep
