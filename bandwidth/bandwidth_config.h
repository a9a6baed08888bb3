// The configuration of the bandwidth API; its keys are documented in README.md.
#pragma once

#include "bandwidth/bandwidth_service.h"
#include "base/config/config_node.h"

namespace sluice::bandwidth {

BandwidthOptions read_bandwidth_options(ConfigNode node);

}  // namespace sluice::bandwidth
