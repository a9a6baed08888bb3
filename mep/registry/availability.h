// Tells apps that subscribed when services come, change and go (MEC 011 §5.2.6, §8.1.4.2).
#pragma once

#include <span>

#include "mep/registry/filter.h"
#include "mep/registry/view.h"
#include "notify/outbox.h"
#include "notify/subscription_index.h"

namespace sluice::mep::registry {

inline constexpr const char* kApi = "mec_service_mgmt";
inline constexpr const char* kSubscriptionType = "SerAvailabilityNotificationSubscription";

// The ServiceAvailabilityNotification about these changes, without the subscription's link.
nlohmann::json availability_notification(std::span<const ServiceChange> changes,
                                         const Links& links);

// An observer of the registry; see Registry::add_observer().
class Availability {
 public:
  // `outbox` must outlive it.
  Availability(const notify::Outbox& outbox, Links links);

  // Queues, within the transaction that makes the changes, one notification for every subscription
  // with those of the changes that its criteria admit. Changes that nobody can see are left out.
  void announce(store::Transaction& change, std::span<const ServiceChange> changes);

 private:
  const notify::Outbox& outbox_;
  const Links links_;
  notify::SubscriptionIndex<FilteringCriteria> subscriptions_;
};

}  // namespace sluice::mep::registry
