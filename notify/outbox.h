// Events that wait in the store until everybody who subscribed has them.
#pragma once

#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/store/schema.h"
#include "base/store/transaction.h"
#include "notify/event.h"
#include "notify/subscription.h"

namespace sluice::notify {

// What notify/ keeps in the program's store.
struct Records {
  store::Collection<Subscription> subscriptions;  // by subscription_key()
  store::Collection<Event> events;                // in the order in which they happened
  // Of an event that some have and others do not: who still waits. By the event's key.
  store::Collection<std::vector<std::string>> waiting;

  static Records add_to(store::Schema& schema);
};

class Outbox {
 public:
  explicit Outbox(const Records& records) : records_(records) {}

  // Part of the change that causes the event: once that is durable, every subscription in `to`
  // (ids) is told, in the order of the changes, whatever happens to the process. `body` is the
  // notification as MEC wrote it, without `_links.subscription` (or `subscriptionId`), which each
  // subscriber gets its own of. From within any change; an empty `to` does nothing.
  void enqueue(store::Transaction& change, const nlohmann::json& body, std::vector<std::string> to,
               std::string envelope = {}) const;
  void enqueue(store::Transaction& change, const Event& event) const;

  const Records& records() const { return records_; }

 private:
  const Records records_;
  mutable std::atomic<uint64_t> last_{0};  // orders the events of one change
};

// The TestNotification and the ExpiryNotification for a subscription (MEC 012 §6.4.9, §6.4.12).
Event test_notification(const Subscription& subscription, WallTime now);
Event expiry_notification(const Subscription& subscription, WallTime now);

}  // namespace sluice::notify
