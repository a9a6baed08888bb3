// location/v3, the Location API of MEC 013, put together: queries, subscriptions, and who is told
// what.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/event_loop.h"
#include "location/tracker.h"
#include "notify/subscription_resource.h"

namespace sluice::location {

struct LocationOptions {
  size_t subscriptions_of_app = 100;  // of each of the four collections
  // That wait for the store when it is slower than the feed; beyond, new ones are dropped.
  size_t waiting_notifications = 10'000;
};

// What it stands on; all must outlive it. The functions are called from any thread.
struct LocationSite {
  EventLoop& loop;
  const Clock& clock;
  feeds::RanFeed& feed;
  Records records;
  notify::SubscriptionSite notify;  // with the public URI of the platform
  // The app instance whose token a request carries; kPermissionDenied without one.
  std::function<Result<std::string>(const http::Request&)> caller;
  // Whether there is such an app instance that may use the API.
  std::function<bool(const store::Snapshot&, std::string_view app_instance_id)> app_exists;
};

// Made and destroyed on the loop's thread, before the first report comes and after the last.
class LocationService {
 public:
  LocationService(LocationSite site, const LocationOptions& options);
  LocationService(const LocationService&) = delete;
  LocationService& operator=(const LocationService&) = delete;
  ~LocationService();

  // The operations of api-specs/location.yaml. They may run while this exists.
  http::Handlers handlers() const;

  // Notifications that were dropped so far. From any thread.
  uint64_t dropped() const { return tracker_.dropped(); }

  // Ends what it does by itself. Later reports are kept and nobody is told of them.
  void close();

  // Part of the change by which an app instance, or its right to the API, ends: its subscriptions
  // end with it.
  void withdraw(store::Transaction& change, const std::string& app_instance_id) const;

 private:
  using Resources =
      std::map<std::string, notify::SubscriptionResource>;  // by "users", "zones", ...
  notify::SubscriptionApi subscription_api(const std::string& collection, size_t limit) const;
  http::Response list(const std::string& collection, const http::Request& request) const;
  http::Response create(const std::string& collection, const http::Request& request) const;

  LocationSite site_;
  const Answers answers_;
  Tracker tracker_;
  Resources resources_;
  TimerId timer_{};
};

}  // namespace sluice::location
