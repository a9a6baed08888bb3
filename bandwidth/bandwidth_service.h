// bwm/v1, the Bandwidth Management API of MEC 015, put together: allocations, who hears of their
// changes, and what the user plane is told.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bandwidth/admission.h"
#include "bandwidth/change_events.h"
#include "bandwidth/grants.h"
#include "base/http/router.h"
#include "notify/subscription_resource.h"

namespace sluice::bandwidth {

struct BandwidthOptions {
  Capacity capacity;
  size_t subscriptions_of_app = 100;
};

// What it stands on; all must outlive it. The functions are called from any thread.
struct BandwidthSite {
  Records records;
  notify::SubscriptionSite notify;  // with the public URI of the platform
  // The app instance whose token a request carries; kPermissionDenied without one.
  std::function<Result<std::string>(const http::Request&)> caller;
  // The name of an app instance that lives; nothing when there is none.
  std::function<std::optional<std::string>(const store::Snapshot&, std::string_view)> app_name;
  // Part of every change after which grants() differ: whoever enforces them has to look.
  std::function<void(store::Transaction&)> grants_changed;
  ChangeEvents::Carried carried;
};

class BandwidthService {
 public:
  BandwidthService(BandwidthSite site, const BandwidthOptions& options);
  BandwidthService(const BandwidthService&) = delete;
  BandwidthService& operator=(const BandwidthService&) = delete;

  // The operations of api-specs/bwm.yaml. They may run while this exists.
  http::Handlers handlers() const;

  // Now, to everybody; from any thread.
  Granted granted() const;
  const Capacity& capacity() const { return capacity_; }

  // Part of the change by which an app instance ends: what it had is free.
  void withdraw(store::Transaction& change, const std::string& app_instance_id) const;

 private:
  http::Response list(const http::Request& request) const;
  http::Response create(const http::Request& request) const;
  http::Response read(const http::Request& request) const;
  http::Response replace(const http::Request& request) const;
  http::Response modify(const http::Request& request) const;
  // replace() and modify(): `wanted` says what the caller's allocation `before` is to be.
  http::Response rewrite(
      const http::Request& request,
      const std::function<nlohmann::json(const std::string& id, const Allocation& before)>& wanted)
      const;
  http::Response remove(const http::Request& request) const;

  Result<const store::Stored<Allocation>*> find_own(const store::Snapshot& state,
                                                    const http::Request& request) const;
  Result<http::Response> put(store::Transaction& change, const std::string& id,
                             const nlohmann::json& body, const Allocation* before) const;
  notify::SubscriptionApi subscription_api(size_t limit) const;

  BandwidthSite site_;
  Capacity capacity_;
  mutable ChangeEvents events_;
  notify::SubscriptionResource subscriptions_;
};

}  // namespace sluice::bandwidth
