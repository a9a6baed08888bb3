// The end of an app instance for the store.
#pragma once

#include <string>

#include "mep/app-enablement/app_end.h"
#include "mep/app-enablement/records.h"
#include "mep/store/draft.h"

namespace sluice::mep {

// Removes the instance and all that is kept for it: rules, clients, services, subscriptions,
// registration, termination. A client by which it registered itself stays and is no instance any
// more.
inline void withdraw_app(Draft& draft, const AppSupportRecords& records, const AppEnd& ended,
                         const std::string& app_id) {
  ended(draft.transaction(), app_id);
  draft.transaction().erase(records.terminations, app_id);
  draft.transaction().erase(records.registrations, app_id);
  draft.remove_app(app_id);
}

}  // namespace sluice::mep
