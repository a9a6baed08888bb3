// Mm5 (api-specs/mm5.yaml): the platform manager provisions app instances, withdraws them and sees
// how their rules fare.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/http/router.h"
#include "mep/app-enablement/app_end.h"
#include "mep/app-enablement/records.h"
#include "mep/clients/app_apis.h"
#include "mep/provisioning/capabilities.h"
#include "mep/provisioning/limits.h"
#include "mep/provisioning/rule_status.h"
#include "mep/provisioning/site_cost.h"
#include "mep/store/store.h"

namespace sluice::mep {

struct ProvisioningContext {
  Store& store;
  const RuleStatusView& rule_status;
  std::string platform_instance_id;  // random for every start
  std::string version;
  ProvisioningLimits limits;
  SiteCosts& costs;  // used within Store::change() only
  const AppApis& app_apis;
  AppSupportRecords app_support;
  const AppEnd& ended;
  const std::map<std::string, AppEnd>& api_ended;  // by API: when an app may use it no longer
  std::vector<ApiSummary> apis;
};

// Whether the site can be like that: kResourceExhausted names the bound that it would exceed.
// Within a change of the store only.
Result<void> check_site(const ProvisioningContext& context, const State& state);

// `context` must outlive them.
http::Handlers provisioning_handlers(const ProvisioningContext& context);

}  // namespace sluice::mep
