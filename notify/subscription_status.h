// What the operator sees of subscriptions: all of them, and how their delivery fares.
#pragma once

#include "base/http/router.h"
#include "base/store/store.h"
#include "notify/notifications.h"

namespace sluice::notify {

// The operation listSubscriptions of api-specs/mm5.yaml. Both must outlive it.
http::Handlers subscription_status_handlers(const Notifications& notifications,
                                            const store::Store& store);

}  // namespace sluice::notify
