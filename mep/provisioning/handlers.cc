#include "mep/provisioning/handlers.h"

#include <algorithm>
#include <set>

#include "base/http/problem.h"
#include "base/log.h"
#include "base/rest/list_reply.h"
#include "mep/app-enablement/rule_kinds.h"
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

json app_to_json(const State& state, const AppInstance& app) {
  return {{"appInstanceId", app.id},
          {"appName", app.name},
          {"state", app.state == AppState::kReady ? "READY" : "PROVISIONED"},
          {"trafficRules", rules_to_json(state.rules_of<TrafficRules::Rule>(app.id))},
          {"dnsRules", rules_to_json(state.rules_of<DnsRules::Rule>(app.id))}};
}

Result<const AppInstance*> find_app(const State& state, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  if (const auto* app = state.find_app(id)) return app;
  return fail(ErrorCode::kNotFound, "no app instance '{}'", id);
}

// Makes these the rules of the instance; returns whether they were not. One that was declared alike
// before stays as the app has switched it.
template <typename Rule>
bool declare_rules(Draft& draft, const std::string& app_id, const std::vector<Rule>& rules) {
  const auto before = draft.state();
  bool changed = false;
  std::set<std::string_view> declared;
  for (const auto& rule : rules) {
    declared.insert(id_of(rule));
    const auto* stored = before.find_rule<Rule>(app_id, id_of(rule));
    const auto* record = stored == nullptr ? nullptr : &stored->value;
    if (record != nullptr && record->declared == rule) continue;
    draft.put_rule(app_id, draft.new_record(rule, rule, record));
    changed = true;
  }
  for (const auto& [key, stored] : before.rules_of<Rule>(app_id)) {
    if (declared.contains(id_of(stored.value.rule))) continue;
    draft.remove_rule<Rule>(app_id, id_of(stored.value.rule));
    changed = true;
  }
  return changed;
}

// What the user plane that is connected cannot hold would be refused by it as a whole, later, when
// nobody waits for the answer. One that announces no bound has none.
Result<void> check_user_plane(const RuleReports::Link& link, size_t traffic, size_t dns) {
  const auto [max_traffic, max_dns] =
      std::pair(link.features.max_rules, link.features.max_dns_rules);
  if (!link.connected || max_traffic == 0) return {};
  const size_t both = std::max(max_traffic, max_dns);
  if (traffic <= max_traffic && dns <= max_dns && traffic + dns <= both) return {};
  return fail(ErrorCode::kResourceExhausted,
              "the user plane holds {} traffic rules and {} DNS rules at most, together {}; these "
              "make {} and {}",
              max_traffic, max_dns, both, traffic, dns);
}

// What the site would be like.
Result<void> check_limits(const ProvisioningContext& context, const State& state) {
  const auto& limits = context.limits;
  if (state.apps().size() > limits.app_instances) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} app instances at most",
                limits.app_instances);
  }
  const size_t traffic = state.rules<TrafficRules::Rule>().size();
  const size_t dns = state.rules<DnsRules::Rule>().size();
  if (traffic + dns > limits.rules) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} rules at most, these make {}",
                limits.rules, traffic + dns);
  }
  if (auto ok = check_user_plane(context.rule_status.link(), traffic, dns); !ok) return ok;
  const auto cost = context.costs.of(state);
  if (cost.mp2_bytes > limits.mp2_bytes) {
    return fail(ErrorCode::kResourceExhausted,
                "all rules of the site may have {} bytes on Mp2, these make {}", limits.mp2_bytes,
                cost.mp2_bytes);
  }
  if (cost.boxes > limits.boxes) {
    return fail(ErrorCode::kResourceExhausted,
                "the filters of the site may make {} match conditions, these make {}", limits.boxes,
                cost.boxes);
  }
  return {};
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
  const bool new_rules = declare_rules(draft, id, input.traffic_rules);
  const bool new_names = declare_rules(draft, id, input.dns_rules);
  if (out.is_new || new_rules || new_names || before->name != input.name) {
    draft.put_app({id, input.name, out.is_new ? AppState::kProvisioned : before->state});
  }
  if (auto ok = check_limits(context, draft.state()); !ok) return ok;
  if (out.is_new || request.query.get("new_credentials") == "true") {
    out.credentials = new_app_client(id);
    replace_client(draft, id, *out.credentials);
  }
  out.state = draft.state();
  return {};
}

Response put_app_instance(const ProvisioningContext& context, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto input = read_app_input(id, request.json);
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
    context.ended(draft.transaction(), id);
    draft.remove_app(id);
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
