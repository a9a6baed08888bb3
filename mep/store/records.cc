#include "mep/store/records.h"

#include "auth/client_json.h"
#include "auth/scopes.h"
#include "base/store/schema.h"
#include "traffic-rules/json.h"
#include "traffic-rules/json_fields.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::DnsRule;
using traffic_rules::JsonFields;
using traffic_rules::JsonProblem;
using traffic_rules::TrafficRule;

json app_to_json(const AppInstance& app) {
  json out = {{"id", app.id},
              {"name", app.name},
              {"state", to_string(app.state)},
              {"apis", auth::join_scopes(app.apis)}};
  if (app.self_registered) out["selfRegistered"] = true;
  return out;
}

Result<AppInstance> app_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  AppInstance app;
  app.id = fields.text("id");
  app.name = fields.text("name");
  const auto state = parse_app_state(fields.text("state"));
  if (!state) fields.fail("state", "is unknown");
  app.state = state.value_or(AppState::kProvisioned);
  // Earlier versions had but one API.
  app.apis = auth::split_scopes(
      fields.optional_text("apis").value_or(std::string(auth::kScopeAppSupport)));
  app.self_registered = fields.optional_flag("selfRegistered").value_or(false);
  return problem.result(std::move(app));
}

// Rules are kept as the JSON of Mp1.
template <typename Rule>
json rule_to_json(const RuleRecord<Rule>& record) {
  return {{"rule", to_json(record.rule)},
          {"declared", to_json(record.declared)},
          {"order", record.order},
          {"changedMs", record.changed_ms},
          {"freedom", to_json(record.freedom)}};
}

Result<TrafficRule> parse(const json& value, const TrafficRule*) {
  return traffic_rules::traffic_rule_from_json(value);
}
Result<DnsRule> parse(const json& value, const DnsRule*) {
  return traffic_rules::dns_rule_from_json(value);
}

Result<TrafficRuleFreedom> parse(const json& value, const TrafficRuleFreedom*) {
  return traffic_rule_freedom_from_json(value);
}
Result<DnsRuleFreedom> parse(const json& value, const DnsRuleFreedom*) {
  return dns_rule_freedom_from_json(value);
}

template <typename Rule>
Result<RuleRecord<Rule>> rule_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  const auto* rule_json = fields.require("rule");
  const auto* declared_json = fields.require("declared");
  RuleRecord<Rule> out;
  out.order = static_cast<uint64_t>(fields.integer("order", 0, INT64_MAX));
  out.changed_ms = fields.integer("changedMs", 0, INT64_MAX);
  if (problem.found()) return problem.result(std::move(out));
  auto rule = parse(*rule_json, static_cast<const Rule*>(nullptr));
  if (!rule) return std::unexpected(rule.error());
  auto declared = parse(*declared_json, static_cast<const Rule*>(nullptr));
  if (!declared) return std::unexpected(declared.error());
  out.rule = std::move(*rule);
  out.declared = std::move(*declared);
  if (const auto* freedom_json = fields.find("freedom")) {
    auto freedom = parse(*freedom_json, static_cast<const Freedom<Rule>*>(nullptr));
    if (!freedom) return std::unexpected(freedom.error());
    out.freedom = std::move(*freedom);
  }
  out.text = to_json(out.rule).dump();
  return out;
}

json counter_to_json(const uint64_t& counter) { return counter; }
Result<uint64_t> counter_from_json(const json& value) {
  if (!value.is_number_unsigned()) return fail(ErrorCode::kInternal, "not a counter");
  return value.get<uint64_t>();
}

// Version 1 had columns of its own for everything.
Result<void> from_version_1(store::Database& db) {
  std::string sql = "ALTER TABLE client RENAME TO client_1;";
  for (const auto* name : {"app", "traffic_rule", "dns_rule", "client", "counter"}) {
    sql += store::Schema::create_table_sql(name);
  }
  sql += R"sql(
    INSERT INTO app SELECT id, revision, json_object('id', id, 'name', name, 'state', state)
      FROM app_instance;
    INSERT INTO traffic_rule SELECT app_instance_id || '/' || id, revision, json_object(
        'rule', json(current), 'declared', json(declared), 'order', "order",
        'changedMs', changed_ms) FROM rule WHERE kind = 'TRAFFIC';
    INSERT INTO dns_rule SELECT app_instance_id || '/' || id, revision, json_object(
        'rule', json(current), 'declared', json(declared), 'order', "order",
        'changedMs', changed_ms) FROM rule WHERE kind = 'DNS';
    INSERT INTO client SELECT id, 0, json_patch('{}', json_object('id', id,
        'secretHash', secret_hash, 'scopes', scopes,
        'appInstanceId', nullif(app_instance_id, ''))) FROM client_1;
    INSERT INTO counter SELECT 'generation', 0, value FROM meta WHERE key = 'generation';
    DELETE FROM meta WHERE key = 'generation';
    DROP TABLE rule; DROP TABLE app_instance; DROP TABLE client_1;
  )sql";
  return db.execute(sql);
}

}  // namespace

Records Records::add_to(store::Schema& schema) {
  schema.add_step(from_version_1);
  Records out;
  out.apps = schema.add("app", app_to_json, app_from_json);
  out.traffic_rules =
      schema.add("traffic_rule", rule_to_json<TrafficRule>, rule_from_json<TrafficRule>);
  out.dns_rules = schema.add("dns_rule", rule_to_json<DnsRule>, rule_from_json<DnsRule>);
  out.clients = schema.add("client", auth::client_to_json, auth::client_from_json);
  out.counters = schema.add("counter", counter_to_json, counter_from_json);
  return out;
}

}  // namespace sluice::mep
