// A subscription of any API: who is told of what, and how.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "notify/time_stamp.h"

namespace sluice::notify {

// How a notification names the subscription that it is for.
enum class NamedBy : uint8_t {
  kLink,  // "_links": {"subscription": {"href": …}}, as the MEC APIs do
  kId,    // "subscriptionId": …, as CAPIF does
  kBoth,  // as MEC 010-2 does
};

// Exactly one of `callback` and `websocket_token` is in use: the callback unless it is empty.
struct Subscription {
  std::string id;     // unguessable, unique in the platform: the last segment of its resource
  std::string api;    // "mec_service_mgmt"
  std::string owner;  // whose it is: the app instance in the resource's path
  std::string type;   // subscriptionType
  std::string href;   // of its resource; in `_links.self` and in notifications
  nlohmann::json body = nlohmann::json::object();  // what is the API's own, as it is shown
  NamedBy named_by = NamedBy::kLink;

  std::string callback;             // callbackReference; empty: over WebSocket
  std::string websocket_token;      // unguessable, the last segment of websocketUri; empty: none
  bool websocket_fallback = false;  // a failed test notification turns from callback to WebSocket
  bool test_requested = false;      // requestTestNotification, shown as it was asked

  std::optional<WallTime> expiry;  // expiryDeadline
  WallTime created{};              // or its deadline last changed
  bool expiry_announced = false;   // the ExpiryNotification is in the outbox
  uint64_t version = 0;            // of what is shown; entity tags are made of it

  bool over_websocket() const { return callback.empty(); }
  bool operator==(const Subscription&) const = default;
};

// The key in the store: subscriptions of an API, and of an owner in it, stand together.
std::string subscription_key(std::string_view api, std::string_view owner, std::string_view id);
// What the keys of an API's (an owner's) subscriptions begin with, and nothing else does.
std::string subscription_prefix(std::string_view api);
std::string subscription_prefix(std::string_view api, std::string_view owner);

std::string new_subscription_id();  // 120 random bits
std::string new_websocket_token();  // 264 random bits

// What bounds count it as: the texts that come from its owner.
size_t octets_of(const Subscription& subscription);

// The form in the store.
nlohmann::json to_json(const Subscription& subscription);
Result<Subscription> subscription_from_json(const nlohmann::json& value);

}  // namespace sluice::notify
