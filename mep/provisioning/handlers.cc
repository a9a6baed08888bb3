#include "mep/provisioning/handlers.h"

#include <algorithm>
#include <set>

#include "base/http/problem.h"
#include "base/log.h"
#include "base/rest/list_reply.h"
#include "mep/app-enablement/rule_kinds.h"
#include "mep/app-enablement/withdrawal.h"
#include "mep/etag.h"
#include "mep/provisioning/app_input.h"
#include "mep/provisioning/capabilities.h"
#include "mep/provisioning/credentials.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

// What the app may change, of those rules of which it may change anything.
template <typename Kind>
json freedoms_to_json(const State& state, const std::string& app_id) {
  auto out = json::array();
  for (const auto& [key, stored] : state.rules_of<typename Kind::Rule>(app_id)) {
    auto freedom = to_json(stored.value.freedom);
    if (freedom.empty()) continue;
    freedom[Kind::kIdMember] = id_of(stored.value.rule);
    out.push_back(std::move(freedom));
  }
  return out;
}

json app_to_json(const State& state, const AppInstance& app) {
  return {{"appInstanceId", app.id},
          {"appName", app.name},
          {"state", to_string(app.state)},
          {"apis", app.apis},
          {"selfRegistered", app.self_registered},
          {"trafficRules", rules_to_json(state.rules_of<TrafficRules::Rule>(app.id))},
          {"dnsRules", rules_to_json(state.rules_of<DnsRules::Rule>(app.id))},
          {"trafficRuleFreedoms", freedoms_to_json<TrafficRules>(state, app.id)},
          {"dnsRuleFreedoms", freedoms_to_json<DnsRules>(state, app.id)}};
}

Result<const AppInstance*> find_app(const State& state, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  if (const auto* app = state.find_app(id)) return app;
  return fail(ErrorCode::kNotFound, "no app instance '{}'", id);
}

// The rule as it starts, or as the app has changed it if it was declared alike before and its app
// may still have it so.
template <typename Rule>
Rule current_rule(const Rule& declared, const Freedom<Rule>& freedom,
                  const RuleRecord<Rule>* before) {
  if (before == nullptr || before->declared != declared) return declared;
  if (check_change(declared, freedom, before->rule)) return before->rule;
  auto out = declared;
  out.state = before->rule.state;
  return out;
}

// Makes these the rules of the instance; returns whether they were not.
template <typename Rule>
bool declare_rules(Draft& draft, const std::string& app_id, const std::vector<Rule>& rules,
                   const std::map<std::string, Freedom<Rule>>& freedoms) {
  const auto before = draft.state();
  bool changed = false;
  std::set<std::string_view> declared;
  for (const auto& rule : rules) {
    declared.insert(id_of(rule));
    const auto* stored = before.find_rule<Rule>(app_id, id_of(rule));
    const auto* record = stored == nullptr ? nullptr : &stored->value;
    const auto given = freedoms.find(id_of(rule));
    const auto freedom = given == freedoms.end() ? Freedom<Rule>() : given->second;
    if (record != nullptr && record->declared == rule && record->freedom == freedom) continue;
    auto fresh = draft.new_record(current_rule(rule, freedom, record), rule, record);
    fresh.freedom = freedom;
    draft.put_rule(app_id, std::move(fresh));
    changed = true;
  }
  for (const auto& [key, stored] : before.rules_of<Rule>(app_id)) {
    if (declared.contains(id_of(stored.value.rule))) continue;
    draft.remove_rule<Rule>(app_id, id_of(stored.value.rule));
    changed = true;
  }
  return changed;
}

// What a PUT leads to.
struct Provisioned {
  bool is_new = false;
  std::optional<NewClient> credentials;
  std::optional<State> state;
};

void replace_client(Draft& draft, const std::string& app_id, const NewClient& fresh) {
  const auto before = draft.state();
  for (const auto& [id, client] : before.clients()) {
    if (client.value.app_instance_id == app_id) draft.remove_client(id);
  }
  draft.put_client(fresh.client);
}

void give_apis(Draft& draft, const std::string& app_id, const auth::Scopes& apis) {
  const auto before = draft.state();
  for (const auto& [id, stored] : before.clients()) {
    if (stored.value.app_instance_id != app_id) continue;
    auto client = stored.value;
    client.scopes = apis;
    draft.put_client(std::move(client));
  }
}

Result<void> check_changeable(const AppInstance& app, bool new_credentials) {
  if (app.state == AppState::kTerminating || app.state == AppState::kTerminated) {
    return fail(ErrorCode::kConflict, "the app instance is {}: withdraw it first",
                to_string(app.state));
  }
  if (app.self_registered && new_credentials) {
    return fail(ErrorCode::kConflict,
                "the app instance registered itself: rotate the secret of "
                "its client instead");
  }
  return {};
}

Result<void> provision(const ProvisioningContext& context, Draft& draft, const Request& request,
                       const AppInput& input, Provisioned& out) {
  const auto& id = request.path_param("appInstanceId");
  const auto* before = draft.state().find_app(id);
  const auto tag = before == nullptr ? std::string() : etag_of(draft.state().app_revision(id));
  if (before == nullptr && request.headers.has("If-Match")) {
    return fail(ErrorCode::kPreconditionFailed, "If-Match: there is no app instance '{}'", id);
  }
  if (auto ok = check_if_match(request, tag); !ok) return ok;
  if (before != nullptr) {
    if (auto ok = check_if_none_match(request, tag); !ok) return ok;
  }

  out.is_new = before == nullptr;
  const bool new_credentials = out.is_new || request.query.get("new_credentials") == "true";
  if (before != nullptr) {
    if (auto ok = check_changeable(*before, new_credentials); !ok) return ok;
  }
  if (before != nullptr) {
    for (const auto& [api, ended] : context.api_ended) {
      if (before->apis.contains(api) && !input.apis.contains(api)) ended(draft.transaction(), id);
    }
  }
  const bool new_rules = declare_rules(draft, id, input.traffic_rules, input.traffic_rule_freedoms);
  const bool new_names = declare_rules(draft, id, input.dns_rules, input.dns_rule_freedoms);
  if (out.is_new || new_rules || new_names || before->name != input.name ||
      before->apis != input.apis) {
    auto app = out.is_new ? AppInstance{} : *before;
    app.id = id;
    app.name = input.name;
    app.apis = input.apis;
    draft.put_app(std::move(app));
  }
  if (auto ok = check_site(context, draft.state()); !ok) return ok;
  if (new_credentials) {
    out.credentials = new_app_client(id, input.apis);
    replace_client(draft, id, *out.credentials);
  } else if (before->apis != input.apis) {
    give_apis(draft, id, input.apis);
  }
  out.state = draft.state();
  return {};
}

Response put_app_instance(const ProvisioningContext& context, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto input = read_app_input(id, request.json, context.app_apis);
  if (!input) return to_response(input.error());
  Provisioned result;
  const auto done = context.store.change(
      [&](Draft& draft) { return provision(context, draft, request, *input, result); });
  if (!done) return to_response(done.error());
  spdlog::info("mm5 app provisioned app_instance_id={} new={} traffic_rules={} dns_rules={}", id,
               result.is_new, input->traffic_rules.size(), input->dns_rules.size());

  auto body = app_to_json(*result.state, *result.state->find_app(id));
  if (result.credentials) body["credentials"] = credentials_to_json(*result.credentials);
  auto response = Response::json(result.is_new ? 201 : 200, body);
  response.headers.set("ETag", etag_of(result.state->app_revision(id)));
  if (result.is_new) response.headers.set("Location", "/mm5/v1/app_instances/" + id);
  if (result.credentials) response.headers.set("Cache-Control", "no-store");
  return response;
}

Response get_app_instance(const ProvisioningContext& context, const Request& request) {
  const auto state = context.store.snapshot();
  const auto app = find_app(state, request);
  if (!app) return to_response(app.error());
  return tagged_response(request, app_to_json(state, **app),
                         etag_of(state.app_revision((*app)->id)));
}

Response list_app_instances(const ProvisioningContext& context, const Request& request) {
  auto page = rest::ListPage::begin(request, {.id_member = "appInstanceId"});
  if (!page) return to_response(page.error());
  const auto state = context.store.snapshot();
  const auto& apps = state.apps();
  for (auto it = apps.upper_bound(page->after()); it != apps.end(); ++it) {
    if (!page->add(it->first, app_to_json(state, it->second.value))) break;
  }
  return page->reply();
}

Response delete_app_instance(const ProvisioningContext& context, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto done = context.store.change([&](Draft& draft) -> Result<void> {
    const auto app = find_app(draft.state(), request);
    if (!app) return std::unexpected(app.error());
    if (auto ok = check_if_match(request, etag_of(draft.state().app_revision(id))); !ok) return ok;
    withdraw_app(draft, context.app_support, context.ended, id);
    return {};
  });
  if (!done) return to_response(done.error());
  spdlog::info("mm5 app withdrawn app_instance_id={}", id);
  return Response::no_content();
}

Response get_rules(const ProvisioningContext& context, const Request& request) {
  const auto state = context.store.snapshot();
  const auto app = find_app(state, request);
  if (!app) return to_response(app.error());
  return Response::json(200, context.rule_status.of_app(state, **app));
}

Response get_platform(const ProvisioningContext& context) {
  const auto link = context.rule_status.link();
  json upf = {{"connected", link.connected},
              {"desiredGeneration", context.store.snapshot().generation()}};
  if (!link.instance_id.empty()) {
    upf["instanceId"] = link.instance_id;
    upf["installedGeneration"] = link.installed_generation;
    upf["maxRules"] = link.features.max_rules;
    upf["maxDnsRules"] = link.features.max_dns_rules;
  }
  if (!link.refusal.empty()) upf["refusal"] = link.refusal;
  return Response::json(200, {{"instanceId", context.platform_instance_id},
                              {"version", context.version},
                              {"upf", std::move(upf)}});
}

}  // namespace

http::Handlers provisioning_handlers(const ProvisioningContext& context) {
  return {
      {"putAppInstance", [&](const Request& r) { return put_app_instance(context, r); }},
      {"getAppInstance", [&](const Request& r) { return get_app_instance(context, r); }},
      {"listAppInstances", [&](const Request& r) { return list_app_instances(context, r); }},
      {"deleteAppInstance", [&](const Request& r) { return delete_app_instance(context, r); }},
      {"getAppInstanceRules", [&](const Request& r) { return get_rules(context, r); }},
      {"getPlatform", [&](const Request&) { return get_platform(context); }},
      {"getCapabilities",
       [&](const Request&) {
         return Response::json(
             200, capabilities_json(context.rule_status.link(), context.limits, context.apis));
       }},
  };
}

}  // namespace sluice::mep
