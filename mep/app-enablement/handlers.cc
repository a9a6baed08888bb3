#include "mep/app-enablement/handlers.h"

#include "base/http/problem.h"
#include "base/log.h"
#include "base/rest/list_reply.h"
#include "mep/app-enablement/rule_kinds.h"
#include "mep/auth/token_service.h"
#include "mep/etag.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

// An app instance sees only its own resources. Checked before existence, so that it cannot find out
// who else is here.
Result<void> check_own(const Request& request) {
  const auto own = request.principal ? auth::app_instance_of(*request.principal) : std::nullopt;
  if (own && *own == request.path_param("appInstanceId")) return {};
  return fail(ErrorCode::kPermissionDenied, "the access token is of another app instance");
}

Result<const AppInstance*> find_app(const State& state, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  if (const auto* app = state.find_app(id)) return app;
  return fail(ErrorCode::kNotFound, "no app instance '{}'", id);
}

template <typename Kind>
auto find_rule(const AppInstance& app, const Request& request)
    -> Result<std::shared_ptr<const RuleRecord<typename Kind::Rule>>> {
  const auto& id = request.path_param(Kind::kIdMember);
  const auto found = Kind::of(app).find(id);
  if (found != Kind::of(app).end()) return found->second;
  return fail(ErrorCode::kNotFound, "app instance '{}' has no {} '{}'", app.id, Kind::kNoun, id);
}

template <typename Kind>
Response list_rules(const Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto state = store.snapshot();
  const auto app = find_app(*state, request);
  if (!app) return to_response(app.error());
  auto page = rest::ListPage::begin(request, {.id_member = Kind::kIdMember});
  if (!page) return to_response(page.error());
  const auto& records = Kind::of(**app);
  for (auto it = records.upper_bound(page->after()); it != records.end(); ++it) {
    if (!page->add(it->first, to_json(it->second->rule))) break;
  }
  return page->reply();
}

template <typename Kind>
Response get_rule(const Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto state = store.snapshot();
  const auto app = find_app(*state, request);
  if (!app) return to_response(app.error());
  const auto record = find_rule<Kind>(**app, request);
  if (!record) return to_response(record.error());
  return tagged_response(request, to_json((*record)->rule), etag_of((*record)->revision));
}

// The first member besides "state" that differs, or null.
std::string differing_member(const json& a, const json& b) {
  for (const auto& [object, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    for (const auto& [member, value] : object->items()) {
      if (member != "state" && (!other->contains(member) || (*other)[member] != value)) {
        return member;
      }
    }
  }
  return {};
}

// One destination may be written as an object or as an array; that is no difference.
void use_form_of(const traffic_rules::TrafficRule& model, traffic_rules::TrafficRule& rule) {
  rule.dst_interface_is_list = model.dst_interface_is_list;
}
void use_form_of(const traffic_rules::DnsRule&, traffic_rules::DnsRule&) {}

// An app switches its rules; what they match and do is what its package declared and the operator
// agreed to.
template <typename Rule>
Result<void> check_content(const Rule& declared, Rule wanted) {
  use_form_of(declared, wanted);
  const auto member = differing_member(to_json(declared), to_json(wanted));
  if (member.empty()) return {};
  return std::unexpected(
      Error{ErrorCode::kPermissionDenied,
            "differs from what the app's package declares; only the state may change", member});
}

template <typename Kind>
Result<typename Kind::Rule> read_body(const Request& request) {
  auto rule = Kind::parse(request.json);
  if (!rule) return rule;
  const auto& id = request.path_param(Kind::kIdMember);
  if (Kind::id_of(*rule) != id) {
    return bad_field(Kind::kIdMember, "'{}' is not the id in the path, '{}'", Kind::id_of(*rule),
                     id);
  }
  return rule;
}

// Switches the rule in the draft; `result` is the record afterwards.
template <typename Kind>
Result<void> switch_rule(Draft& draft, const Request& request, const typename Kind::Rule& wanted,
                         std::shared_ptr<const RuleRecord<typename Kind::Rule>>& result) {
  const auto app = find_app(draft.state(), request);
  if (!app) return std::unexpected(app.error());
  const auto record = find_rule<Kind>(**app, request);
  if (!record) return std::unexpected(record.error());
  result = *record;
  const auto tag = etag_of(result->revision);
  if (auto ok = check_if_match(request, tag); !ok) return ok;
  if (auto ok = check_if_none_match(request, tag); !ok) return ok;
  if (auto ok = check_content(result->declared, wanted); !ok) return ok;
  if (wanted.state == result->rule.state) return {};  // repeated: the same version stays

  auto rule = result->rule;
  rule.state = wanted.state;
  result = draft.new_record(std::move(rule), result->declared, result);
  auto changed = **app;
  Kind::of(changed).insert_or_assign(Kind::id_of(wanted), result);
  draft.put_app(std::move(changed));
  return {};
}

template <typename Kind>
Response put_rule(Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto wanted = read_body<Kind>(request);
  if (!wanted) return to_response(wanted.error());
  std::shared_ptr<const RuleRecord<typename Kind::Rule>> record;
  const auto done = store.change(
      [&](Draft& draft) { return switch_rule<Kind>(draft, request, *wanted, record); });
  if (!done) return to_response(done.error());
  spdlog::info("mp1 rule put app_instance_id={} rule_id={} state={}",
               request.path_param("appInstanceId"), Kind::id_of(record->rule),
               traffic_rules::to_string(record->rule.state));
  return Response::json(200, to_json(record->rule)).with("ETag", etag_of(record->revision));
}

// MEC 011 §5.2.2: from now on its active rules take effect.
Response confirm_ready(Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto done = store.change([&](Draft& draft) -> Result<void> {
    const auto app = find_app(draft.state(), request);
    if (!app) return std::unexpected(app.error());
    if ((*app)->state == AppState::kReady) return {};
    auto changed = **app;
    changed.state = AppState::kReady;
    draft.put_app(std::move(changed));
    return {};
  });
  if (!done) return to_response(done.error());
  spdlog::info("mp1 app ready app_instance_id={}", request.path_param("appInstanceId"));
  return Response::no_content();
}

}  // namespace

http::Handlers app_enablement_handlers(Store& store) {
  return {
      {"listTrafficRules",
       [&store](const Request& r) { return list_rules<TrafficRules>(store, r); }},
      {"getTrafficRule", [&store](const Request& r) { return get_rule<TrafficRules>(store, r); }},
      {"putTrafficRule", [&store](const Request& r) { return put_rule<TrafficRules>(store, r); }},
      {"listDnsRules", [&store](const Request& r) { return list_rules<DnsRules>(store, r); }},
      {"getDnsRule", [&store](const Request& r) { return get_rule<DnsRules>(store, r); }},
      {"putDnsRule", [&store](const Request& r) { return put_rule<DnsRules>(store, r); }},
      {"confirmReady", [&store](const Request& r) { return confirm_ready(store, r); }},
  };
}

}  // namespace sluice::mep
