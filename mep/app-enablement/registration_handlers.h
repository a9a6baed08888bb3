// /registrations (MEC 011 §5.2.11): an app instance registers itself with the platform, and an app
// that no orchestrator started becomes an app instance by that.
#pragma once

#include "base/http/router.h"
#include "mep/app-enablement/app_end.h"
#include "mep/app-enablement/records.h"
#include "mep/app-enablement/termination.h"
#include "mep/store/store.h"

namespace sluice::mep {

struct RegistrationContext {
  Store& store;
  AppSupportRecords records;
  const AppEnd& ended;
  const Terminations& terminations;
  size_t max_app_instances = 1'000;  // of the site

  static constexpr size_t kMaxOctets = 32 * 1024;  // of an AppInfo
};

// The operations on /registrations. `context` must outlive them.
http::Handlers registration_handlers(const RegistrationContext& context);

}  // namespace sluice::mep
