// The registry's part of the configuration of sluice-mep; mep/README.md documents the keys.
#pragma once

#include <string>

#include "base/config/config_node.h"
#include "mep/registry/service_management.h"

namespace sluice::mep::registry {

LivenessRules read_liveness(ConfigNode node);                     // `liveness`
void read_service_limits(ConfigNode& node, ServiceOptions& out);  // of `limits`

// Scheme and authority by which clients reach a server that listens there, where nobody says
// otherwise: of a wildcard address the name of this host.
std::string default_public_uri(const IpAddress& address, uint16_t port);

}  // namespace sluice::mep::registry
