// The subscription resources of an API: POST, GET, PUT and DELETE as MEC 009 §6.12 wants them.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/http/router.h"
#include "base/store/store.h"
#include "base/store/tally.h"
#include "notify/callback_policy.h"
#include "notify/outbox.h"
#include "notify/subscription_api.h"

namespace sluice::notify {

// Beyond: 403. See also SubscriptionApi::max_per_owner.
struct SubscriptionBounds {
  size_t octets_of_owner = 64 * 1024;  // octets_of() the subscriptions of one owner in one API
  size_t all = 20'000;                 // of everybody, in all APIs
  size_t all_octets = 16 << 20;
};

// What subscriptions are made with; of a Notifications object or, in tests, without one.
struct SubscriptionSite {
  store::Store& store;
  const Outbox& outbox;
  const CallbackPolicy& callbacks;
  std::string websocket_base;  // empty: WebSocket delivery is refused with 422
  std::string public_uri;      // before the paths of hrefs; may be empty
  SubscriptionBounds bounds = {};
};

// A client gives `callbackReference`, or `websockNotifConfig` with `requestWebsocketUri: true`, or
// both: then the callback is used, and WebSocket when `requestTestNotification` was set and the
// test notification does not arrive. The representation shows what is in use and nothing else, so
// that a client that missed its test notification finds `websocketUri` there.
//
// The handlers are for the router and for any thread; copies share the API. Replies to changes are
// deferred until the change is durable.
class SubscriptionResource {
 public:
  // What `site` refers to must outlive the handlers.
  SubscriptionResource(SubscriptionSite site, SubscriptionApi api);

  http::Response list(const http::Request& request) const;    // 200
  http::Response create(const http::Request& request) const;  // 201 with Location and ETag
  http::Response read(const http::Request& request) const;    // 200 with ETag, or 304
  // 200; the subscription's identity, type and WebSocket URI stay; 412 by If-Match.
  http::Response replace(const http::Request& request) const;
  http::Response remove(const http::Request& request) const;  // 204; 412 by If-Match

  // Under the operationIds of the API's document; an empty one is left out.
  struct Operations {
    std::string list, create, read, replace, remove;
  };
  http::Handlers handlers(const Operations& operations) const;

  // As clients see it.
  nlohmann::json representation(const Subscription& subscription) const;

  // Removes all subscriptions of an owner, with what was queued for them: its app has ended.
  void remove_all(store::Transaction& change, const std::string& owner) const;

 private:
  struct Wanted;  // what a request asks for
  Result<Wanted> read_body(const http::Request& request, const std::string& owner) const;
  Result<void> read_receiver(const nlohmann::json& body, Wanted& wanted) const;
  Result<void> store_new(store::Transaction& change, const Wanted& wanted, const std::string& owner,
                         Subscription& out) const;
  Result<void> store_again(store::Transaction& change, const http::Request& request,
                           const Wanted& wanted, const std::string& key, Subscription& out) const;
  Result<void> check_bounds(const store::Transaction& change, const std::string& key,
                            const Subscription& wanted) const;
  Result<void> finish(store::Transaction& change, const Wanted& wanted, const std::string& key,
                      Subscription& out) const;
  Result<Subscription> find(const store::Snapshot& state, const http::Request& request,
                            const std::string& owner) const;
  std::string collection_href(const std::string& owner) const;

  struct Shared {
    SubscriptionSite site;
    SubscriptionApi api;
    std::shared_ptr<store::Tally<Subscription>> tally;  // by subscription_prefix()
  };
  std::shared_ptr<const Shared> shared_;
};

}  // namespace sluice::notify
