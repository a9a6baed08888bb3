// What a site takes.
#pragma once

#include <cstddef>

#include "mp2/messages.h"

namespace sluice::mep {

struct ProvisioningLimits {
  size_t app_instances = 1'000;
  size_t rules = 10'000;  // traffic and DNS rules of all instances together; a user plane's default
  // Of all rules in one Mp2 message, inactive ones included. Leaves room for what surrounds them.
  size_t mp2_bytes = mp2::kDefaultMaxLine - 4096;
  // Of all compiled traffic rules: keeps the analysis of conflicts within seconds.
  size_t boxes = 100'000;
};

}  // namespace sluice::mep
