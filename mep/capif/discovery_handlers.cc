#include "auth/token_service.h"
#include "base/http/problem.h"
#include "base/rest/list_reply.h"
#include "mep/capif/api_index.h"
#include "mep/capif/capif.h"
#include "mep/capif/description.h"

namespace sluice::mep::capif {
namespace {

using http::Request;
using http::Response;
using nlohmann::json;

constexpr size_t kAtATime = 256;  // service APIs that are looked up for a page

// With those of its profiles that match alone (TS 29.222 §8.1.4.2.2).
json matching(const ApiQuery& query, json description) {
  auto profiles = json::array();
  for (auto& profile : description["aefProfiles"]) {
    if (admits(query, profile)) profiles.push_back(std::move(profile));
  }
  description["aefProfiles"] = std::move(profiles);
  return description;
}

// A page of what was found. Services that changed while it is made up are left to the next query.
Response discover(const registry::ServiceApi& api, ApiIndex& index, const Request& request) {
  const auto own = request.principal ? auth::app_instance_of(*request.principal) : std::nullopt;
  const auto invoker = request.query.get("api-invoker-id");
  if (!own || (invoker && *invoker != *own)) {
    return Response::problem(403, "api-invoker-id: the access token is of another app instance");
  }
  auto page = rest::ListPage::begin(request, {.id_member = "apiId"});
  if (!page) return http::to_response(page.error());
  const auto query = ApiQuery::parse(request.query);
  const auto state = api.store.snapshot();
  std::string after = page->after();
  while (true) {
    const auto found = index.find(state, query, after, kAtATime);
    for (const auto& id : found) {
      const auto* stored = state.find(api.registry.records().services, id);
      if (stored == nullptr) continue;
      const auto& record = stored->value;
      const auto description =
          matching(query, describe(id, record, api.registry.transport_of(record)));
      if (description["aefProfiles"].empty()) continue;
      if (!page->add_text(id, description.dump())) return page->reply("serviceAPIDescriptions");
    }
    if (found.size() < kAtATime) return page->reply("serviceAPIDescriptions");
    after = found.back();
  }
}

}  // namespace

http::Handlers discovery_handlers(const registry::ServiceApi& api, ApiIndex& index) {
  return {{"discoverApis", [&](const Request& r) { return discover(api, index, r); }}};
}

}  // namespace sluice::mep::capif
