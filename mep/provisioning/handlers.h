// Mm5 (api-specs/mm5.yaml): the platform manager provisions app instances, withdraws them and sees
// how their rules fare.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/http/router.h"
#include "mep/app-enablement/app_end.h"
#include "mep/provisioning/rule_status.h"
#include "mep/provisioning/site_cost.h"
#include "mep/store/store.h"
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

struct ProvisioningContext {
  Store& store;
  const RuleStatusView& rule_status;
  std::string platform_instance_id;  // random for every start
  std::string version;
  ProvisioningLimits limits;
  SiteCosts& costs;  // used within Store::change() only
  const AppEnd& ended;
};

// `context` must outlive them.
http::Handlers provisioning_handlers(const ProvisioningContext& context);

}  // namespace sluice::mep
