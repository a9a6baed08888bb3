#include "mep/app-enablement/handlers.h"

#include "base/http/pending_response.h"
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
auto find_rule(const State& state, const Request& request)
    -> Result<const store::Stored<RuleRecord<typename Kind::Rule>>*> {
  const auto app = find_app(state, request);
  if (!app) return std::unexpected(app.error());
  const auto& id = request.path_param(Kind::kIdMember);
  if (const auto* found = state.find_rule<typename Kind::Rule>((*app)->id, id)) return found;
  return fail(ErrorCode::kNotFound, "app instance '{}' has no {} '{}'", (*app)->id, Kind::kNoun,
              id);
}

template <typename Kind>
Response list_rules(const Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto state = store.snapshot();
  const auto app = find_app(state, request);
  if (!app) return to_response(app.error());
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
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto state = store.snapshot();
  const auto found = find_rule<Kind>(state, request);
  if (!found) return to_response(found.error());
  return tagged_response(request, to_json((*found)->value.rule), etag_of((*found)->revision));
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
  if (id_of(*rule) != id) {
    return bad_field(Kind::kIdMember, "'{}' is not the id in the path, '{}'", id_of(*rule), id);
  }
  return rule;
}

// Switches the rule in the draft and returns it as it is then.
template <typename Kind>
auto switch_rule(Draft& draft, const Request& request, const typename Kind::Rule& wanted)
    -> Result<store::Stored<RuleRecord<typename Kind::Rule>>> {
  const auto found = find_rule<Kind>(draft.state(), request);
  if (!found) return std::unexpected(found.error());
  const auto& before = (*found)->value;
  const auto tag = etag_of((*found)->revision);
  if (auto ok = check_if_match(request, tag); !ok) return std::unexpected(ok.error());
  if (auto ok = check_if_none_match(request, tag); !ok) return std::unexpected(ok.error());
  if (auto ok = check_content(before.declared, wanted); !ok) return std::unexpected(ok.error());
  if (wanted.state == before.rule.state) return **found;  // repeated: the same version stays

  auto rule = before.rule;
  rule.state = wanted.state;
  auto record = draft.new_record(std::move(rule), before.declared, &before);
  draft.put_rule(request.path_param("appInstanceId"), record);
  return store::Stored<RuleRecord<typename Kind::Rule>>{std::move(record), draft.revision()};
}

template <typename Kind>
Response put_rule(Store& store, const Request& request) {
  if (auto own = check_own(request); !own) return to_response(own.error());
  const auto wanted = read_body<Kind>(request);
  if (!wanted) return to_response(wanted.error());
  auto reply = std::make_shared<Response>();
  const auto pending = std::make_shared<http::PendingResponse>();
  store.submit(
      [&](Draft& draft) -> Result<void> {
        const auto stored = switch_rule<Kind>(draft, request, *wanted);
        if (!stored) return std::unexpected(stored.error());
        const auto& rule = stored->value.rule;
        *reply = Response::json(200, to_json(rule)).with("ETag", etag_of(stored->revision));
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
