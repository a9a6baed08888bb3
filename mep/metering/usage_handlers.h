// How a billing system takes the usage records over (Mm5, api-specs/mm5.yaml).
#pragma once

#include <string>

#include "base/http/router.h"
#include "mep/metering/usage_meter.h"

namespace sluice::mep {

// getNextUsageBatch and acknowledgeUsageBatch. `meter` must outlive them. `source` names the store
// that the sequence numbers are of.
http::Handlers usage_handlers(UsageMeter& meter, std::string source);

}  // namespace sluice::mep
