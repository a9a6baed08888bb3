// Subscriptions that end by themselves (expiryDeadline, MEC 009 §6.12): announced a while before,
// removed at the deadline.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/store/transaction.h"
#include "notify/outbox.h"

namespace sluice::notify {

// When there is something to do about its expiry: first the announcement, `notice` before the
// deadline or halfway from its creation if that is later, then the removal. Nothing for a
// subscription without a deadline.
std::optional<WallTime> next_expiry_step(const Subscription& subscription,
                                         std::chrono::seconds notice);

// Does what is due at `now` for the subscription of that key: removes it, or puts its
// ExpiryNotification into the outbox. Nothing when it is gone or has got more time meanwhile.
void expire(store::Transaction& change, const Outbox& outbox, const std::string& key, WallTime now,
            std::chrono::seconds notice);

}  // namespace sluice::notify
