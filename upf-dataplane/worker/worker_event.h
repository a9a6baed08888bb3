// What a worker tells the control thread besides handing frames over.
#pragma once

#include <cstdint>

#include "upf-dataplane/session/usage_meter.h"

namespace sluice::upf {

// A URR of the session in this slot wants attention. The meter is valid until the worker's next
// quiescent state.
struct WorkerEvent {
  uint32_t slot = 0;
  UsageMeter* meter = nullptr;
};

}  // namespace sluice::upf
