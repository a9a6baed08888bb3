// The delivery of notifications in a program: everything of notify/ put together around the
// program's store.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/store/store.h"
#include "notify/callback_policy.h"
#include "notify/courier.h"
#include "notify/http_sender.h"
#include "notify/outbox.h"
#include "notify/statistics.h"
#include "notify/websocket_server.h"

namespace sluice::notify {

struct NotificationOptions {
  CallbackRules callbacks;
  CourierOptions courier;
  HttpSenderOptions http;
  std::optional<WebSocketOptions> websocket;  // absent: subscriptions need a callbackReference
  std::chrono::seconds expiry_notice{30};     // ExpiryNotification to deadline, at most
  // Scheme and authority under which clients reach the program's APIs ("https://mep.example"), put
  // before the paths in links of notifications and resources; empty: paths alone.
  std::string public_uri;
};

// What is in the store is delivered, what is added is delivered, and what expires is removed, by a
// thread of its own, from start() until destruction.
class Notifications {
 public:
  // `store`, whose schema has the outbox's records, and `clock` must outlive it. kUnavailable when
  // the WebSocket address cannot be bound. Before the first change of the store.
  static Result<std::unique_ptr<Notifications>> start(store::Store& store, const Records& records,
                                                      const Clock& clock,
                                                      NotificationOptions options);
  ~Notifications();

  // Ends the delivery; what was delivered is submitted to the store by then. No other thread may
  // use the object any more.
  void stop();

  const Outbox& outbox() const { return outbox_; }
  const CallbackPolicy& callbacks() const { return policy_; }
  const std::string& public_uri() const { return options_.public_uri; }
  // What websocketUri begins with; empty: there is no WebSocket server.
  const std::string& websocket_base() const { return websocket_base_; }

  // For any thread.
  const Statistics& statistics() const { return statistics_; }
  size_t websocket_connections() const;
  uint16_t websocket_port() const;  // 0: none

 private:
  class Delivery;
  Notifications(const Records& records, NotificationOptions options);

  const NotificationOptions options_;
  const Outbox outbox_;
  const CallbackPolicy policy_;
  Statistics statistics_;
  std::string websocket_base_;
  std::unique_ptr<Delivery> delivery_;
};

}  // namespace sluice::notify
