// The part "timing" of the configuration of sluice-mep.
#pragma once

#include "base/config/config_node.h"
#include "mep/app-enablement/timing.h"

namespace sluice::mep {

// Every key is documented in mep/README.md.
TimingOptions read_timing_options(ConfigNode node);

}  // namespace sluice::mep
