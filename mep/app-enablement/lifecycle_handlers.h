// Where an app instance and the platform manager meet: readiness, stopping and ending, and the
// subscriptions to be told of it (MEC 011 §5.2.2, §5.2.3, §5.2.6).
#pragma once

#include "base/http/router.h"
#include "mep/app-enablement/termination.h"
#include "mep/store/store.h"
#include "notify/subscription_resource.h"

namespace sluice::mep {

// Subscriptions to AppTerminationNotification: /applications/{appInstanceId}/subscriptions.
notify::SubscriptionResource termination_subscriptions(notify::SubscriptionSite site,
                                                       const Store& store);

// confirmReady and confirmTermination of Mp1; terminateAppInstance and getAppInstanceTermination of
// Mm5. Both must outlive them.
http::Handlers lifecycle_handlers(Store& store, const Terminations& terminations);

}  // namespace sluice::mep
