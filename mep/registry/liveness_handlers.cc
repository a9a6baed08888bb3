#include "base/http/problem.h"
#include "base/rest/change_and_reply.h"
#include "mep/etag.h"
#include "mep/registry/own_service.h"
#include "mep/registry/service_api.h"
#include "notify/time_stamp.h"

namespace sluice::mep::registry {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;
using WallTime = std::chrono::system_clock::time_point;

// A service without heartbeats has no such resource.
Result<const store::Stored<ServiceRecord>*> find_beating(const ServiceApi& api,
                                                         const store::Snapshot& state,
                                                         const std::string& app,
                                                         const std::string& id) {
  auto stored = find_own(state, api.registry.records(), app, id);
  if (!stored || (*stored)->value.beats()) return stored;
  return fail(ErrorCode::kNotFound, "service '{}' was registered without livenessInterval", id);
}

WallTime last_beat(const ServiceApi& api, const std::string& id, const ServiceRecord& record) {
  return api.liveness.last_beat(id).value_or(WallTime(std::chrono::milliseconds(record.beat_ms)));
}

json liveness_view(const ServiceRecord& record, WallTime beat) {
  return {{"state", to_string(record.state())},
          {"timeStamp", notify::time_stamp(beat)},
          {"interval", *record.info.liveness_interval_s}};
}

// Every beat makes another version of this resource, though not of the service.
std::string liveness_etag(uint64_t revision, WallTime beat) {
  return fmt::format("\"{}.{}\"", revision, beat.time_since_epoch().count());
}

Response get_liveness(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceId");
  const auto state = api.store.snapshot();
  const auto stored = find_beating(api, state, *app, id);
  if (!stored) return to_response(stored.error());
  const auto beat = last_beat(api, id, (*stored)->value);
  return tagged_response(request, liveness_view((*stored)->value, beat),
                         liveness_etag((*stored)->revision, beat));
}

// The service is back, or the operator has other ideas of its interval by now.
Result<Response> take_in(const ServiceApi& api, store::Transaction& change, const std::string& app,
                         const std::string& id) {
  const auto stored = find_beating(api, change.view(), app, id);
  if (!stored) return std::unexpected(stored.error());
  auto record = (*stored)->value;
  const auto interval = api.registry.liveness().interval(record.proposed_interval_s);
  const bool other_interval = interval != record.info.liveness_interval_s;
  const bool back = record.state() == ServiceState::kSuspended;
  record.info.liveness_interval_s = interval;
  if (back) {
    record.suspended = false;
    record.info.state = ServiceState::kActive;
  }
  const auto beat = last_beat(api, id, record);
  record.beat_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(beat.time_since_epoch()).count();
  const auto view = liveness_view(record, beat);
  if (back || other_interval) api.registry.update(change, {{id, std::move(record)}});
  return other_interval ? Response::json(200, view) : Response::no_content();
}

Response beat(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "appInstanceId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceId");
  const auto state = api.store.snapshot();
  const auto stored = find_beating(api, state, *app, id);
  if (!stored) return to_response(stored.error());
  const auto& record = (*stored)->value;
  const auto tag = liveness_etag((*stored)->revision, last_beat(api, id, record));
  if (auto ok = check_if_match(request, tag); !ok) return to_response(ok.error());

  const bool suspending = api.liveness.beat(id);
  const bool other_interval = api.registry.liveness().interval(record.proposed_interval_s) !=
                              record.info.liveness_interval_s;
  if (!suspending && !other_interval && record.state() != ServiceState::kSuspended) {
    return Response::no_content();
  }
  return rest::change_and_reply(
      api.store, [&](store::Transaction& change) { return take_in(api, change, *app, id); });
}

}  // namespace

http::Handlers liveness_handlers(const ServiceApi& api) {
  return {
      {"getServiceLiveness", [&](const Request& r) { return get_liveness(api, r); }},
      {"beatService", [&](const Request& r) { return beat(api, r); }},
  };
}

}  // namespace sluice::mep::registry
