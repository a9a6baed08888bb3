// mec_service_mgmt/v1 put together: the registry with everything that hangs on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "mep/registry/availability.h"
#include "mep/registry/service_api.h"
#include "notify/subscription_resource.h"

namespace sluice::mep::registry {

struct ServiceOptions {
  RegistryLimits limits;
  LivenessRules liveness;
  size_t subscriptions_of_app = 100;
};

// What it stands on; all must outlive it.
struct ServiceSite {
  EventLoop& loop;
  const Clock& clock;
  Records records;
  notify::SubscriptionSite notify;  // with the public URI of the platform
  std::function<bool(const store::Snapshot&, std::string_view app_instance_id)> app_exists;
};

// Made and destroyed on the loop's thread, before the store's first change.
class ServiceManagement {
 public:
  ServiceManagement(ServiceSite site, const ServiceOptions& options);
  ServiceManagement(const ServiceManagement&) = delete;
  ServiceManagement& operator=(const ServiceManagement&) = delete;
  ~ServiceManagement();

  // The operations of api-specs/mec_service_mgmt.yaml. They may run while this exists.
  http::Handlers handlers() const;

  // For other forms of the same registry; observers are added before the store's first change.
  Registry& registry() { return registry_; }
  const ServiceApi& api() const { return api_; }

  // Part of the change by which an app instance ends: its services and subscriptions end with it.
  void withdraw(store::Transaction& change, const std::string& app_instance_id) const;

  // Offers the platform's own APIs like any other service, and nothing else of its own.
  struct OwnApi {
    std::string name;          // "mec_app_support", also of its path
    std::string path_version;  // "v1", behind the name in the path
    std::string version;       // of its document, "3.1.1"
    std::string category;      // id and name of its category
  };
  Result<void> offer(const std::vector<OwnApi>& apis);

 private:
  notify::SubscriptionApi subscription_api(size_t limit) const;
  void watch();  // liveness

  ServiceSite site_;
  Registry registry_;
  Directory directory_;
  Liveness liveness_;
  Availability availability_;
  ServiceApi api_;
  notify::SubscriptionResource subscriptions_;
  TimerId timer_{};
};

}  // namespace sluice::mep::registry
