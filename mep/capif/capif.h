// The CAPIF profile of MEC 011: service-apis/v1, published-apis/v1 and capif-events/v1 over the
// service registry.
#pragma once

#include <set>
#include <string>

#include "mep/capif/api_index.h"
#include "mep/registry/service_management.h"
#include "notify/subscription_index.h"

namespace sluice::mep::capif {

enum class Event : uint8_t { kAvailable, kUnavailable, kUpdate };

// What a subscription asks for: by event, the service APIs it is about (all when both are empty).
struct EventFilter {
  std::set<std::string> api_ids;
  std::set<std::string> aef_ids;
};
using EventFilters = std::map<Event, EventFilter>;

// Reads `events` and `eventFilters`, which go together by their places.
Result<EventFilters> read_event_filters(const nlohmann::json& body);

class Capif {
 public:
  // All must outlive it; before the store's first change, as `services` gets an observer.
  Capif(registry::ServiceManagement& services, const notify::SubscriptionSite& site,
        size_t subscriptions_of_app);
  Capif(const Capif&) = delete;
  Capif& operator=(const Capif&) = delete;

  // The operations of api-specs/capif_*.yaml. They may run while this exists.
  http::Handlers handlers() const;

  // Takes in what is there already, before the first request.
  void catch_up(const store::Snapshot& state) { apis_.catch_up(state); }

  // Part of the change by which an app instance ends. Its services are the registry's business.
  void withdraw(store::Transaction& change, const std::string& app_instance_id) const;

 private:
  void announce(store::Transaction& change, std::span<const registry::ServiceChange> changes);
  notify::SubscriptionApi subscription_api(size_t limit) const;

  const registry::ServiceApi& api_;
  mutable ApiIndex apis_;
  const std::string base_uri_;
  const notify::Outbox& outbox_;
  notify::SubscriptionIndex<EventFilters> index_;
  notify::SubscriptionResource subscriptions_;
};

// Handlers of the two APIs without events; `api` and `apis` must outlive them.
http::Handlers publish_handlers(const registry::ServiceApi& api, const std::string& base_uri);
http::Handlers discovery_handlers(const registry::ServiceApi& api, ApiIndex& apis);

}  // namespace sluice::mep::capif
