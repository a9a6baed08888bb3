#include <algorithm>

#include "base/http/problem.h"
#include "mep/auth/token_service.h"
#include "mep/capif/capif.h"
#include "mep/capif/description.h"

namespace sluice::mep::capif {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;

bool equals(const http::Query& query, std::string_view parameter, const json& object,
            const char* member) {
  const auto wanted = query.get(parameter);
  if (!wanted) return true;
  const auto found = object.find(member);
  return found != object.end() && *found == *wanted;
}

// Whether a version offers a resource or custom operation of that communication type.
bool communicates(const json& version, std::string_view type) {
  for (const auto* list : {"resources", "custOperations"}) {
    const auto found = version.find(list);
    if (found == version.end()) continue;
    for (const auto& item : *found) {
      if (item.contains("commType") && item["commType"] == type) return true;
    }
  }
  return false;
}

bool admits(const http::Query& query, const json& profile) {
  if (!equals(query, "aef-id", profile, "aefId") ||
      !equals(query, "protocol", profile, "protocol") ||
      !equals(query, "data-format", profile, "dataFormat")) {
    return false;
  }
  const auto type = query.get("comm-type");
  return std::ranges::any_of(profile.at("versions"), [&](const json& version) {
    return equals(query, "api-version", version, "apiVersion") &&
           (!type || communicates(version, *type));
  });
}

bool of_category(const http::Query& query, const json& description) {
  const auto wanted = query.get("api-cat");
  if (!wanted || equals(query, "api-cat", description, "serviceAPICategory")) return true;
  const auto& info = description.at(kServiceInfo);
  return info.contains("category") && info["category"]["id"] == *wanted;
}

// A service API with those of its profiles that match (TS 29.222 §8.1.4.2.2); null without any.
json matching(const http::Query& query, json description) {
  if (!of_category(query, description)) return nullptr;
  auto profiles = json::array();
  for (auto& profile : description["aefProfiles"]) {
    if (admits(query, profile)) profiles.push_back(std::move(profile));
  }
  if (profiles.empty()) return nullptr;
  description["aefProfiles"] = std::move(profiles);
  return description;
}

Response discover(const registry::ServiceApi& api, const Request& request) {
  const auto own = request.principal ? auth::app_instance_of(*request.principal) : std::nullopt;
  const auto invoker = request.query.get("api-invoker-id");
  if (!own || (invoker && *invoker != *own)) {
    return Response::problem(403, "api-invoker-id: the access token is of another app instance");
  }
  registry::ServiceQuery wanted;
  if (const auto name = request.query.get("api-name")) wanted.names = {std::string(*name)};
  auto found = json::array();
  for (const auto& [id, entry] : api.directory.find(api.store.snapshot(), wanted)) {
    auto description = matching(
        request.query, describe(id, entry->record, api.registry.transport_of(entry->record)));
    if (!description.is_null()) found.push_back(std::move(description));
  }
  return Response::json(200, {{"serviceAPIDescriptions", std::move(found)}});
}

}  // namespace

http::Handlers discovery_handlers(const registry::ServiceApi& api) {
  return {{"discoverApis", [&](const Request& r) { return discover(api, r); }}};
}

}  // namespace sluice::mep::capif
