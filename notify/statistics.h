// What became of notifications, per subscription and in all. Counted since the program started.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "notify/time_stamp.h"

namespace sluice::notify {

struct DeliveryCounts {
  uint64_t delivered = 0;  // taken by the receiver
  uint64_t failed = 0;     // attempts that did not reach it, or that it turned away
  uint64_t retried = 0;    // attempts after the first of a notification
  uint64_t refused = 0;    // notifications that the receiver will never take: not tried again
  uint64_t dropped = 0;    // notifications given up: too old, or the queue was full
  size_t queued = 0;       // not delivered yet
  std::string last_error;  // of the last failed attempt; empty: none yet
  std::optional<WallTime> last_failure;
  std::optional<WallTime> last_delivery;
};

class Statistics {
 public:
  // From any thread; nothing for an unknown subscription.
  std::optional<DeliveryCounts> of(std::string_view subscription_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(std::string(subscription_id));
    return found == counts_.end() ? std::nullopt : std::optional(found->second);
  }
  // Of all subscriptions, removed ones included (but for what is queued); no texts, no times.
  DeliveryCounts totals() const {
    const std::lock_guard lock(mutex_);
    return totals_;
  }

  size_t subscriptions() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

  // `edit` changes the counts of one subscription, or of all.
  template <typename Edit>
  void update(const std::string& subscription_id, Edit edit) {
    const std::lock_guard lock(mutex_);
    edit(counts_[subscription_id]);
    edit(totals_);
  }
  void forget(const std::string& subscription_id) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(subscription_id);
    if (found == counts_.end()) return;
    totals_.queued -= found->second.queued;
    counts_.erase(found);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, DeliveryCounts> counts_;
  DeliveryCounts totals_;
};

}  // namespace sluice::notify
