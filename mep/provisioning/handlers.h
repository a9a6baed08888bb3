// Mm5 (api-specs/mm5.yaml): the platform manager provisions app instances, withdraws them and sees
// how their rules fare.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/http/router.h"
#include "mep/provisioning/rule_status.h"
#include "mep/store/store.h"

namespace sluice::mep {

struct ProvisioningLimits {
  size_t app_instances = 1'000;
  size_t rules = 20'000;  // traffic and DNS rules of all instances together
};

struct ProvisioningContext {
  Store& store;
  const RuleStatusView& rule_status;
  std::string platform_instance_id;  // random for every start
  std::string version;
  ProvisioningLimits limits;
};

// `context` must outlive them.
http::Handlers provisioning_handlers(const ProvisioningContext& context);

}  // namespace sluice::mep
