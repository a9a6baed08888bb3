#include "mep/app-enablement/handlers.h"

#include "base/http/pending_response.h"
#include "base/http/problem.h"
#include "base/log.h"
#include "base/rest/list_reply.h"
#include "mep/app-enablement/own_app.h"
#include "mep/app-enablement/rule_kinds.h"
#include "mep/etag.h"
#include "traffic-rules/compile.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

template <typename Kind>
auto find_rule(const State& state, const Request& request)
    -> Result<const store::Stored<RuleRecord<typename Kind::Rule>>*> {
  const auto app = find_app(state, request.path_param("appInstanceId"));
  if (!app) return std::unexpected(app.error());
  const auto& id = request.path_param(Kind::kIdMember);
  if (const auto* found = state.find_rule<typename Kind::Rule>((*app)->id, id)) return found;
  return fail(ErrorCode::kNotFound, "app instance '{}' has no {} '{}'", (*app)->id, Kind::kNoun,
              id);
}

Response text_response(std::string text) {
  Response out{200, {}, std::move(text)};
  out.headers.add("Content-Type", "application/json");
  return out;
}

// All rules, put together from their texts; nothing when they are more than one page.
template <typename Rule>
std::optional<Response> whole_list(const AppRules<Rule>& rules, size_t page_size) {
  std::string text = "[";
  size_t count = 0;
  for (const auto& [key, stored] : rules) {
    if (++count > page_size) return std::nullopt;
    if (count > 1) text += ',';
    text += stored.value.text;
  }
  return text_response(text + "]");
}

template <typename Kind>
Response list_rules(const Store& store, const Request& request) {
  const auto id = own_app_id(request);
  if (!id) return to_response(id.error());
  const auto state = store.snapshot();
  const auto app = find_app(state, *id);
  if (!app) return to_response(app.error());
  if (request.query.empty()) {
    auto whole = whole_list(state.rules_of<typename Kind::Rule>(*id), request.page_size);
    if (whole) return std::move(*whole);
  }
  auto page = rest::ListPage::begin(request, {.id_member = Kind::kIdMember});
  if (!page) return to_response(page.error());
  const auto rules = state.rules_of<typename Kind::Rule>((*app)->id);
  for (auto it = rules.after(page->after()); it != rules.end(); ++it) {
    const auto& rule = it->second.value.rule;
    if (!page->add(id_of(rule), to_json(rule))) break;
  }
  return page->reply();
}

template <typename Kind>
Response get_rule(const Store& store, const Request& request) {
  if (auto own = own_app_id(request); !own) return to_response(own.error());
  const auto state = store.snapshot();
  const auto found = find_rule<Kind>(state, request);
  if (!found) return to_response(found.error());
  const auto tag = etag_of((*found)->revision);
  if (client_has(request, tag)) return Response{304, {}, {}}.with("ETag", tag);
  return text_response((*found)->value.text).with("ETag", tag);
}

template <typename Kind>
Result<typename Kind::Rule> read_body(const Request& request) {
  auto rule = Kind::parse(request.json);
  if (!rule) return rule;
  const auto& id = request.path_param(Kind::kIdMember);
  if (id_of(*rule) != id) {
    return bad_field(Kind::kIdMember, "'{}' is not the id in the path, '{}'", id_of(*rule), id);
  }
  return rule;
}

// The wanted rule in the form that this one is shown in: one destination may be written as an
// object or as an array, which is no difference.
traffic_rules::TrafficRule in_form_of(const traffic_rules::TrafficRule& shown,
                                      traffic_rules::TrafficRule wanted) {
  wanted.dst_interface_is_list = wanted.dst_interface.size() > 1 ||
                                 (!wanted.dst_interface.empty() && shown.dst_interface_is_list);
  wanted.scope = shown.scope;
  return wanted;
}
traffic_rules::DnsRule in_form_of(const traffic_rules::DnsRule&, traffic_rules::DnsRule wanted) {
  return wanted;
}

// With what an app may leave out, because it is the operator's.
traffic_rules::TrafficRule completed(const traffic_rules::TrafficRule& declared,
                                     traffic_rules::TrafficRule wanted) {
  if (wanted.scope.empty()) wanted.scope = declared.scope;
  return wanted;
}
traffic_rules::DnsRule completed(const traffic_rules::DnsRule&, traffic_rules::DnsRule wanted) {
  return wanted;
}

Result<void> check_compiles(const traffic_rules::TrafficRule& rule) {
  const auto compiled = traffic_rules::compile(rule.traffic_rule_id, 0, rule);
  if (compiled) return {};
  return std::unexpected(Error{ErrorCode::kUnsupported, compiled.error().message, "trafficFilter"});
}
Result<void> check_compiles(const traffic_rules::DnsRule&) { return {}; }

// Makes the rule the wanted one in the draft, as far as the operator lets the app, and returns it
// as it is then.
template <typename Kind>
auto change_rule(Draft& draft, const Request& request, const typename Kind::Rule& wanted,
                 const SiteCheck& check_site)
    -> Result<store::Stored<RuleRecord<typename Kind::Rule>>> {
  const auto found = find_rule<Kind>(draft.state(), request);
  if (!found) return std::unexpected(found.error());
  const auto& before = (*found)->value;
  const auto tag = etag_of((*found)->revision);
  if (auto ok = check_if_match(request, tag); !ok) return std::unexpected(ok.error());
  if (auto ok = check_if_none_match(request, tag); !ok) return std::unexpected(ok.error());
  const auto& app_id = request.path_param("appInstanceId");
  if (auto app = find_living_app(draft.state(), app_id); !app) return std::unexpected(app.error());
  if (auto ok = check_change(before.declared, before.freedom, completed(before.declared, wanted));
      !ok) {
    return std::unexpected(ok.error());
  }
  auto rule = in_form_of(before.rule, wanted);
  if (rule == before.rule) return **found;  // repeated: the same version stays

  auto switched = before.rule;
  switched.state = rule.state;
  const bool other_content = rule != switched;
  auto record = draft.new_record(std::move(rule), before.declared, &before);
  draft.put_rule(app_id, record);
  if (other_content) {  // what was provisioned fitted, what it was changed to may not
    if (auto ok = check_site(draft.state()); !ok) return std::unexpected(ok.error());
  }
  return store::Stored<RuleRecord<typename Kind::Rule>>{std::move(record), draft.revision()};
}

template <typename Kind>
Response put_rule(Store& store, const SiteCheck& check_site, const Request& request) {
  if (auto own = own_app_id(request); !own) return to_response(own.error());
  const auto wanted = read_body<Kind>(request);
  if (!wanted) return to_response(wanted.error());
  // Bounds what is compared below, where other changes wait.
  if (auto ok = check_compiles(*wanted); !ok) return to_response(ok.error());
  auto reply = std::make_shared<Response>();
  const auto pending = std::make_shared<http::PendingResponse>();
  store.submit(
      [&](Draft& draft) -> Result<void> {
        const auto stored = change_rule<Kind>(draft, request, *wanted, check_site);
        if (!stored) return std::unexpected(stored.error());
        *reply = text_response(stored->value.text).with("ETag", etag_of(stored->revision));
        return {};
      },
      [pending, reply, app = request.path_param("appInstanceId"), id = id_of(*wanted),
       state = wanted->state](Result<void> done) {
        if (done) {
          spdlog::info("mp1 rule put app_instance_id={} rule_id={} state={}", app, id,
                       traffic_rules::to_string(state));
        }
        pending->resolve(done ? std::move(*reply) : to_response(done.error()));
      });
  return http::deferred(pending);
}

}  // namespace

http::Handlers app_enablement_handlers(Store& store, SiteCheck check) {
  return {
      {"listTrafficRules",
       [&store](const Request& r) { return list_rules<TrafficRules>(store, r); }},
      {"getTrafficRule", [&store](const Request& r) { return get_rule<TrafficRules>(store, r); }},
      {"putTrafficRule",
       [&store, check](const Request& r) { return put_rule<TrafficRules>(store, check, r); }},
      {"listDnsRules", [&store](const Request& r) { return list_rules<DnsRules>(store, r); }},
      {"getDnsRule", [&store](const Request& r) { return get_rule<DnsRules>(store, r); }},
      {"putDnsRule",
       [&store, check](const Request& r) { return put_rule<DnsRules>(store, check, r); }},
  };
}

}  // namespace sluice::mep
