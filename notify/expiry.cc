#include "notify/expiry.h"

#include <algorithm>

namespace sluice::notify {

std::optional<WallTime> next_expiry_step(const Subscription& s, std::chrono::seconds notice) {
  if (!s.expiry || s.expiry_announced) return s.expiry;
  const auto halfway = s.created + (*s.expiry - s.created) / 2;
  return std::max<WallTime>(halfway, *s.expiry - notice);
}

void expire(store::Transaction& change, const Outbox& outbox, const std::string& key, WallTime now,
            std::chrono::seconds notice) {
  const auto subscriptions = outbox.records().subscriptions;
  const auto* stored = change.view().find(subscriptions, key);
  if (stored == nullptr) return;
  const auto due = next_expiry_step(stored->value, notice);
  if (!due || *due > now) return;
  if (*stored->value.expiry <= now) {
    change.erase(subscriptions, key);
    return;
  }
  auto announced = stored->value;
  announced.expiry_announced = true;
  outbox.enqueue(change, expiry_notification(announced, now));
  change.put(subscriptions, key, std::move(announced));
}

}  // namespace sluice::notify
