// The body of PUT /mm5/v1/app_instances/{appInstanceId}: what an app's package declares.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "mep/app-enablement/rule_freedom.h"
#include "mep/clients/app_apis.h"
#include "traffic-rules/model.h"

namespace sluice::mep {

struct AppInput {
  std::string name;
  std::vector<traffic_rules::TrafficRule> traffic_rules;            // ids differ; each compiles
  std::vector<traffic_rules::DnsRule> dns_rules;                    // ids differ
  std::map<std::string, TrafficRuleFreedom> traffic_rule_freedoms;  // by id, of declared rules
  std::map<std::string, DnsRuleFreedom> dns_rule_freedoms;
  auth::Scopes apis;
};

// `id` is the one of the path, which the body may repeat.
Result<AppInput> read_app_input(const std::string& id, const nlohmann::json& body,
                                const AppApis& apis);

}  // namespace sluice::mep
