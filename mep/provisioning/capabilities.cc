#include "mep/provisioning/capabilities.h"

#include <algorithm>

#include "traffic-rules/json.h"
#include "traffic-rules/words.h"

namespace sluice::mep {
namespace {

using nlohmann::json;

template <typename Word>
json words_of(const std::vector<Word>& values) {
  auto out = json::array();
  for (const auto value : values) out.push_back(traffic_rules::to_string(value));
  return out;
}

json user_plane_json(const RuleReports::Link& link) {
  json out = {{"connected", link.connected}};
  const auto& features = link.features;
  if (!features.actions.empty()) out["actions"] = words_of(features.actions);
  if (!features.destinations.empty()) out["interfaceTypes"] = words_of(features.destinations);
  if (!features.filters.empty()) out["trafficFilters"] = features.filters;
  if (features.max_rules > 0) out["maxTrafficRules"] = features.max_rules;
  if (features.max_dns_rules > 0) out["maxDnsRules"] = features.max_dns_rules;
  return out;
}

}  // namespace

ApiSummary api_summary(const http::Contract& contract) {
  ApiSummary out{contract.name(), contract.title(), contract.base_path(), {}};
  for (const auto& operation : contract.operations()) {
    out.operations.push_back(operation.operation_id);
  }
  std::sort(out.operations.begin(), out.operations.end());
  // Once, however many servers the document names.
  const auto [again, end] = std::ranges::unique(out.operations);
  out.operations.erase(again, end);
  return out;
}

json capabilities_json(const RuleReports::Link& link, const ProvisioningLimits& limits,
                       const std::vector<ApiSummary>& apis) {
  auto served = json::array();
  for (const auto& api : apis) {
    served.push_back({{"name", api.name},
                      {"title", api.title},
                      {"path", api.base_path},
                      {"document", "/api-specs/" + api.name + ".yaml"},
                      {"operations", api.operations}});
  }
  return {{"apis", std::move(served)},
          {"userPlane", user_plane_json(link)},
          {"limits",
           {{"appInstances", limits.app_instances},
            {"rules", limits.rules},
            {"mp2Bytes", limits.mp2_bytes},
            {"matchConditions", limits.boxes}}}};
}

}  // namespace sluice::mep
