// The body of PUT /mm5/v1/app_instances/{appInstanceId}: what an app's package declares.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"

namespace sluice::mep {

struct AppInput {
  std::string name;
  std::vector<traffic_rules::TrafficRule> traffic_rules;  // ids differ; each compiles
  std::vector<traffic_rules::DnsRule> dns_rules;          // ids differ
};

// `id` is the one of the path, which the body may repeat.
Result<AppInput> read_app_input(const std::string& id, const nlohmann::json& body);

}  // namespace sluice::mep
