// The registry's part of the configuration of sluice-mep; mep/README.md documents the keys.
#pragma once

#include <string>

#include "base/config/config_node.h"
#include "mep/registry/service_management.h"

namespace sluice::mep::registry {

LivenessRules read_liveness(ConfigNode node);                     // `liveness`
void read_service_limits(ConfigNode& node, ServiceOptions& out);  // of `limits`

}  // namespace sluice::mep::registry
