// What this platform and the user plane that is connected to it can do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/http/contract.h"
#include "mep/provisioning/limits.h"
#include "mep/steering/rule_reports.h"

namespace sluice::mep {

// An API as it is served.
struct ApiSummary {
  std::string name;  // of its document under /api-specs
  std::string title;
  std::string base_path;
  std::vector<std::string> operations;  // operationIds, sorted
};

ApiSummary api_summary(const http::Contract& contract);

// Capabilities of api-specs/mm5.yaml. What the user plane does not say is left out.
nlohmann::json capabilities_json(const RuleReports::Link& link, const ProvisioningLimits& limits,
                                 const std::vector<ApiSummary>& apis);

}  // namespace sluice::mep
