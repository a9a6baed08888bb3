// Something that happened, and whom it is told: one body for any number of subscribers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "notify/subscription.h"
#include "notify/time_stamp.h"

namespace sluice::notify {

enum class EventKind : uint8_t { kNotification, kTest, kExpiry };

// The body as JSON text in pieces, so that completing it for a subscriber is putting text together.
struct Event {
  EventKind kind = EventKind::kNotification;
  std::string envelope;  // the member that holds the body, as MEC 013 wraps it; empty: bare
  std::string members;   // of the body, without its braces and its _links: `"a":1,"b":2`
  std::string links;     // of _links besides the subscription: `"confirm":{"href":"…"}`
  WallTime at{};
  std::vector<std::string> to;  // ids of subscriptions

  bool operator==(const Event&) const = default;
};

// `body` is an object without the subscription's own part; `_links` may name further resources.
Event make_event(EventKind kind, const nlohmann::json& body, WallTime at,
                 std::vector<std::string> to, std::string envelope = {});

// The notification for one subscriber.
std::string notification_text(const Event& event, const Subscription& subscription);

// The form in the store.
nlohmann::json to_json(const Event& event);
Result<Event> event_from_json(const nlohmann::json& value);

}  // namespace sluice::notify
