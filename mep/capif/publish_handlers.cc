#include <algorithm>

#include "base/http/etag.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/rest/change_and_reply.h"
#include "mep/capif/capif.h"
#include "mep/capif/description.h"
#include "mep/registry/own_service.h"

namespace sluice::mep::capif {
namespace {

using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;
using registry::own_app;
using registry::ServiceApi;
using registry::ServiceRecord;

json shown(const ServiceApi& api, const std::string& id, const ServiceRecord& record) {
  return describe(id, record, api.registry.transport_of(record));
}

Response list(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "apfId");
  if (!app) return to_response(app.error());
  auto out = json::array();
  const auto state = api.store.snapshot();
  for (const auto& entry : api.directory.find_of(state, {}, *app, {}, SIZE_MAX)) {
    const auto* stored = state.find(api.registry.records().services, entry->id);
    if (stored != nullptr) out.push_back(shown(api, entry->id, stored->value));
  }
  return Response::json(200, out);
}

Response get(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "apfId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceApiId");
  const auto state = api.store.snapshot();
  const auto stored = registry::find_own(state, api.registry.records(), *app, id);
  if (!stored) return to_response(stored.error());
  return http::tagged_response(request, shown(api, id, (*stored)->value),
                               http::etag_of((*stored)->revision));
}

Response post(const ServiceApi& api, const std::string& base_uri, const Request& request) {
  const auto app = own_app(request, "apfId");
  if (!app) return to_response(app.error());
  if (request.json.contains("apiId")) {
    return to_response(Error{ErrorCode::kInvalidArgument,
                             "is given by the platform; leave it out when publishing", "apiId"});
  }
  auto record = read_description(request.json);
  if (!record) return to_response(record.error());
  record->owner = *app;
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    if (!api.app_exists(change.view(), *app)) {
      return fail(ErrorCode::kNotFound, "no app instance '{}'", *app);
    }
    const auto id = api.registry.add(change, std::move(*record));
    if (!id) return std::unexpected(id.error());
    const auto& now = *change.view().find(api.registry.records().services, *id);
    return Response::json(201, shown(api, *id, now.value))
        .with("Location", fmt::format("{}/published-apis/v1/{}/service-apis/{}", base_uri,
                                      http::percent_encode(*app), *id))
        .with("ETag", http::etag_of(now.revision));
  });
}

// Stores what `wanted(current record)` says of a service of the caller's.
using Wanted = std::function<Result<json>(const ServiceRecord&)>;

Response replace(const ServiceApi& api, const Request& request, const Wanted& wanted) {
  const auto app = own_app(request, "apfId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceApiId");
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    const auto& records = api.registry.records();
    const auto stored = registry::find_own(change.view(), records, *app, id);
    if (!stored) return std::unexpected(stored.error());
    if (auto ok = http::check_if_match(request, http::etag_of((*stored)->revision)); !ok) {
      return std::unexpected(ok.error());
    }
    const auto description = wanted((*stored)->value);
    if (!description) return std::unexpected(description.error());
    if (description->value("apiId", json(id)) != id) {
      return bad_field("apiId", "is not the id in the path, '{}'", id);
    }
    auto record = read_description(*description);
    if (!record) return std::unexpected(record.error());
    const auto& before = (*stored)->value;
    if (before.beats()) record->info.liveness_interval_s = before.proposed_interval_s;
    if (auto ok = api.registry.replace(change, id, std::move(*record)); !ok) {
      return std::unexpected(ok.error());
    }
    api.liveness.beat(id);
    const auto& now = *change.view().find(records.services, id);
    return Response::json(200, shown(api, id, now.value)).with("ETag", http::etag_of(now.revision));
  });
}

bool is_text(const json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty() &&
         value.get_ref<const std::string&>().size() <= 128;
}

bool are_objects(const json& owner, const char* member) {
  const auto found = owner.find(member);
  return found == owner.end() ||
         (found->is_array() &&
          std::ranges::all_of(*found, [](const json& v) { return v.is_object(); }));
}

bool is_version(const json& version) {
  return version.is_object() && is_text(version.value("apiVersion", json())) &&
         are_objects(version, "resources") && are_objects(version, "custOperations");
}

bool is_profile(const json& profile) {
  if (!profile.is_object() || !is_text(profile.value("aefId", json()))) return false;
  const auto versions = profile.value("versions", json());
  return versions.is_array() && !versions.empty() && std::ranges::all_of(versions, is_version) &&
         are_objects(profile, "interfaceDescriptions");
}

bool is_description(const json& description) {
  const auto profiles = description.value("aefProfiles", json());
  return is_text(description.value("apiName", json())) && profiles.is_array() &&
         !profiles.empty() && std::ranges::all_of(profiles, is_profile);
}

// What a merge patch makes of a description must be one again; the schema saw only the patch.
Result<json> patched(const ServiceApi& api, const std::string& id, const ServiceRecord& record,
                     const json& patch) {
  auto out = shown(api, id, record);
  out.merge_patch(patch);
  try {
    if (is_description(out)) {
      (void)read_description(out);  // throws where a member is of another type
      return out;
    }
  } catch (const json::exception&) {
  }
  return fail(ErrorCode::kInvalidArgument, "the patch leaves no valid ServiceAPIDescription");
}

Response unpublish(const ServiceApi& api, const Request& request) {
  const auto app = own_app(request, "apfId");
  if (!app) return to_response(app.error());
  const auto& id = request.path_param("serviceApiId");
  return rest::change_and_reply(api.store, [&](store::Transaction& change) -> Result<Response> {
    const auto stored = registry::find_own(change.view(), api.registry.records(), *app, id);
    if (!stored) return std::unexpected(stored.error());
    if (auto ok = http::check_if_match(request, http::etag_of((*stored)->revision)); !ok) {
      return std::unexpected(ok.error());
    }
    api.registry.remove(change, id);
    return Response::no_content();
  });
}

}  // namespace

http::Handlers publish_handlers(const ServiceApi& api, const std::string& base_uri) {
  return {
      {"listPublishedApis", [&](const Request& r) { return list(api, r); }},
      {"publishApi", [&api, base_uri](const Request& r) { return post(api, base_uri, r); }},
      {"getPublishedApi", [&](const Request& r) { return get(api, r); }},
      {"putPublishedApi",
       [&](const Request& r) {
         return replace(api, r, [&](const ServiceRecord&) { return Result<json>(r.json); });
       }},
      {"patchPublishedApi",
       [&](const Request& r) {
         return replace(api, r, [&](const ServiceRecord& record) {
           return patched(api, r.path_param("serviceApiId"), record, r.json);
         });
       }},
      {"unpublishApi", [&](const Request& r) { return unpublish(api, r); }},
  };
}

}  // namespace sluice::mep::capif
