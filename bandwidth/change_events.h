// Tells apps that subscribed when their bandwidth is granted, changed or taken back
// (BwChgEventSubscription, BwChgEventNotification of MEC 015 V3.1.1).
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bandwidth/allocation.h"
#include "notify/outbox.h"
#include "notify/subscription_index.h"

namespace sluice::bandwidth {

inline constexpr const char* kApi = "bwm";
inline constexpr const char* kSubscriptionType = "BwChgEventSubscription";

// One element of filterCriteria; its app is the subscription's owner.
struct Criterion {
  // One UE's sessions alone: those whose filter names it by its address.
  std::optional<IpAddress> ue;
  std::string ue_text;  // ueIp as the client wrote it
};

// The members of a BwChgEventSubscription that are its own. kPermissionDenied when one names an app
// instance other than `owner`.
Result<nlohmann::json> read_criteria(const nlohmann::json& body, const std::string& owner);

class ChangeEvents {
 public:
  // Octets that the user plane has carried under an allocation, as it last said; 0: it has not
  // said.
  using Carried = std::function<uint64_t(const std::string& allocation_id)>;

  // `outbox` must outlive it.
  ChangeEvents(const notify::Outbox& outbox, Carried carried);

  // Queues, within the transaction that makes the change, a notification for everyone it concerns.
  // `before` and `after`: null when there was, or is, none.
  void announce(store::Transaction& change, const std::string& id, const Allocation* before,
                const Allocation* after);

 private:
  const notify::Outbox& outbox_;
  const Carried carried_;
  notify::SubscriptionIndex<std::vector<Criterion>> subscriptions_;
};

}  // namespace sluice::bandwidth
