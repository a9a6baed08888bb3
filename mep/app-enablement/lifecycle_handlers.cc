#include "mep/app-enablement/lifecycle_handlers.h"

#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/log.h"
#include "mep/app-enablement/app_lifecycle.h"
#include "mep/app-enablement/own_app.h"
#include "mep/durable_reply.h"
#include "mep/timestamp.h"

namespace sluice::mep {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

constexpr const char* kSubscriptionType = "AppTerminationNotificationSubscription";

// The subscription's own member: whose end it is about, always the subscriber's.
Result<json> read_subscription(const json& body, const std::string& owner) {
  const auto id = body.find("appInstanceId");
  if (id == body.end() || !id->is_string()) return bad_field("appInstanceId", "is required");
  if (*id != owner) return bad_field("appInstanceId", "must be that of the path, '{}'", owner);
  return json{{"appInstanceId", owner}};
}

json termination_json(const std::string& app_id, const Termination& termination, AppState state) {
  json out = {{"appInstanceId", app_id},
              {"operationAction", to_string(termination.action)},
              {"gracefulTimeout", termination.graceful_timeout_s},
              {"result", to_string(termination.result)},
              {"state", to_string(state)},
              {"requestedAt", timestamp(termination.requested_ms)},
              {"deadline", timestamp(termination.deadline_ms)},
              {"notified", termination.notified}};
  if (termination.result != TerminationResult::kPending) {
    out["endedAt"] = timestamp(termination.ended_ms);
  }
  return out;
}

std::string termination_path(const std::string& app_id) {
  return "/mm5/v1/app_instances/" + http::percent_encode(app_id) + "/termination";
}

// MEC 011 §5.2.2: from now on its active rules take effect.
Response confirm_ready(Store& store, const Request& request) {
  const auto id = own_app_id(request);
  if (!id) return to_response(id.error());
  return reply_when_durable(store, [&](Draft& draft, Response& reply) -> Result<void> {
    const auto app = find_app(draft.state(), *id);
    if (!app) return std::unexpected(app.error());
    const auto next = next_state((*app)->state, AppEvent::kReady);
    if (!next) return std::unexpected(next.error());
    reply = Response::no_content();
    if (*next == (*app)->state) return {};
    auto changed = **app;
    changed.state = *next;
    draft.put_app(std::move(changed));
    spdlog::info("mp1 app ready app_instance_id={}", *id);
    return {};
  });
}

Response confirm_termination(Store& store, const Terminations& terminations,
                             const Request& request) {
  const auto id = own_app_id(request);
  if (!id) return to_response(id.error());
  const auto action = parse_operation_action(request.json.at("operationAction").get<std::string>());
  if (!action)
    return to_response(Error{ErrorCode::kInvalidArgument, "is unknown", "operationAction"});
  return reply_when_durable(store, [&](Draft& draft, Response& reply) -> Result<void> {
    reply = Response::no_content();
    if (auto ok = terminations.confirm(draft, *id, *action); !ok) return ok;
    spdlog::info("mp1 app confirmed app_instance_id={} action={}", *id, to_string(*action));
    return {};
  });
}

Response terminate(Store& store, const Terminations& terminations, const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto action = parse_operation_action(request.json.at("operationAction").get<std::string>());
  const auto timeout = request.json.at("gracefulTimeout").get<uint32_t>();
  if (!action)
    return to_response(Error{ErrorCode::kInvalidArgument, "is unknown", "operationAction"});
  return reply_when_durable(store, [&](Draft& draft, Response& reply) -> Result<void> {
    const auto termination = terminations.request(draft, id, *action, timeout);
    if (!termination) return std::unexpected(termination.error());
    const auto* app = draft.state().find_app(id);
    reply = Response::json(202, termination_json(id, *termination, app->state))
                .with("Location", termination_path(id));
    spdlog::info("mm5 termination app_instance_id={} action={} timeout_s={} notified={}", id,
                 to_string(*action), timeout, termination->notified);
    return {};
  });
}

Response get_termination(const Store& store, const Terminations& terminations,
                         const Request& request) {
  const auto& id = request.path_param("appInstanceId");
  const auto state = store.snapshot();
  const auto app = find_app(state, id);
  if (!app) return to_response(app.error());
  const auto* found = state.snapshot().find(terminations.records().terminations, id);
  if (found == nullptr) {
    return to_response(Error{ErrorCode::kNotFound, "the app instance was never asked to end", {}});
  }
  return Response::json(200, termination_json(id, found->value, (*app)->state));
}

}  // namespace

notify::SubscriptionResource termination_subscriptions(notify::SubscriptionSite site,
                                                       const Store& store) {
  notify::SubscriptionApi api;
  api.name = kAppSupportApi;
  api.path = [](const std::string& owner) {
    return "/mec_app_support/v1/applications/" + http::percent_encode(owner) + "/subscriptions";
  };
  api.owner = [&store](const Request& request) -> Result<std::string> {
    auto id = own_app_id(request);
    if (!id) return id;
    const auto state = store.snapshot();
    if (auto app = find_app(state, *id); !app) return std::unexpected(app.error());
    return id;
  };
  api.types = {{kSubscriptionType, read_subscription}};
  api.admit = [&store](store::Transaction& change,
                       const notify::Subscription& subscription) -> Result<void> {
    const auto state = store.state_of(change.view());
    const auto app = find_living_app(state, subscription.owner);
    if (!app) return std::unexpected(app.error());
    return {};
  };
  return {std::move(site), std::move(api)};
}

http::Handlers lifecycle_handlers(Store& store, const Terminations& terminations) {
  return {
      {"confirmReady", [&store](const Request& r) { return confirm_ready(store, r); }},
      {"confirmTermination",
       [&](const Request& r) { return confirm_termination(store, terminations, r); }},
      {"terminateAppInstance", [&](const Request& r) { return terminate(store, terminations, r); }},
      {"getAppInstanceTermination",
       [&](const Request& r) { return get_termination(store, terminations, r); }},
  };
}

}  // namespace sluice::mep
