// The platform without its sockets towards apps: everything that stands behind the router.
#pragma once

#include <memory>

#include "auth/key_rotation.h"
#include "auth/token_endpoint.h"
#include "auth/token_service.h"
#include "bandwidth/bandwidth_service.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/http/router.h"
#include "feeds/ran_feed.h"
#include "location/location_service.h"
#include "mep/app-enablement/registration_handlers.h"
#include "mep/app-enablement/termination.h"
#include "mep/app-enablement/timing.h"
#include "mep/capif/capif.h"
#include "mep/clients/client_directory.h"
#include "mep/clients/handlers.h"
#include "mep/collections.h"
#include "mep/metering/usage_meter.h"
#include "mep/provisioning/handlers.h"
#include "mep/provisioning/rule_status.h"
#include "mep/registry/service_management.h"
#include "mep/steering/conflicts.h"
#include "mep/steering/reconciler.h"
#include "mep/steering/rule_reports.h"
#include "mep/store/store.h"
#include "notify/notifications.h"

namespace sluice::mep {

struct PlatformConfig {
  std::string state_directory;
  ReconcilerConfig steering;
  auth::TokenOptions tokens;
  ProvisioningLimits limits;
  size_t page_size = 1000;  // items of a list in one reply
  std::chrono::seconds key_max_age{0};
  TimingOptions timing = {};
  registry::ServiceOptions services = {};
  http::JsonLimits json = {};  // of request bodies
  http::RateLimit rate = {};   // of each client, and of each address whose clients are unknown
  notify::NotificationOptions notifications = {};
  notify::SubscriptionBounds subscriptions = {};
  UsageOptions usage = {};
  bandwidth::BandwidthOptions bandwidth = {};
  feeds::FeedOptions feed = {};
  location::LocationOptions location = {};
};

class Platform {
 public:
  // Opens the state, builds the router from every document of api-specs/ and starts to look for the
  // user plane. Fails when an operation has no handler. `loop` and `clock` must outlive it; made
  // and destroyed on the loop's thread.
  static Result<std::unique_ptr<Platform>> start(EventLoop& loop, const Clock& clock,
                                                 PlatformConfig config);
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;
  ~Platform();  // closes first

  // Ends the delivery of notifications, writes what is pending and lets every reply that waits for
  // it go: what the callers of handle() put into their continuations may end after this, not
  // before. No other thread may use the platform any more. On the loop's thread.
  void close();

  // From any thread.
  http::Admission admit(http::Request& request) const { return router_->admit(request); }
  http::Response handle(http::Request&& request) const {
    return router_->handle(std::move(request));
  }

  Store& store() { return store_; }
  const notify::Notifications& notifications() const { return *notifications_; }
  const RuleStatusView& rule_status() const { return rule_status_; }
  const RuleReports& rule_reports() const { return reports_; }
  const bandwidth::BandwidthService& bandwidth() const { return bandwidth_; }
  const feeds::RanFeed& feed() const { return feed_; }
  const location::LocationService& location() const { return location_; }

 private:
  Platform(EventLoop& loop, const Clock& clock, PlatformConfig config,
           std::unique_ptr<store::Store> store, const Collections& collections,
           std::unique_ptr<auth::KeyRing> keys,
           std::unique_ptr<notify::Notifications> notifications, AppApis apis);
  notify::SubscriptionSite subscription_site() const;
  registry::ServiceSite service_site(const Clock& clock);
  bandwidth::BandwidthSite bandwidth_site();
  location::LocationSite location_site(const Clock& clock);
  Result<void> offer_own_apis(const std::vector<http::Contract>& contracts);
  Result<void> build_router(std::vector<http::Contract> contracts);

  // Work that was posted to the loop asks whether there still is a platform.
  std::shared_ptr<Platform*> alive_ = std::make_shared<Platform*>(this);
  EventLoop& loop_;
  PlatformConfig config_;
  Collections collections_;
  std::unique_ptr<store::Store> base_store_;
  std::unique_ptr<notify::Notifications> notifications_;
  Store store_;
  UsageMeter usage_meter_;
  AppApis apis_;
  AppEnd app_end_;
  std::map<std::string, AppEnd> api_end_;
  ClientDirectory clients_;
  std::unique_ptr<auth::KeyRing> keys_;
  auth::TokenService tokens_;
  auth::TokenEndpoint token_endpoint_;
  RuleReports reports_;
  ConflictView conflicts_;
  RuleStatusView rule_status_;
  SiteCosts site_costs_;
  ProvisioningContext provisioning_;
  Terminations terminations_;
  RegistrationContext registration_;
  ClientsContext client_management_;
  KernelClockDiscipline clock_discipline_;
  std::shared_ptr<http::ClientLimiter> limiter_;
  TimingContext timing_;
  registry::ServiceManagement services_;
  capif::Capif capif_;
  bandwidth::Grants grants_;
  bandwidth::BandwidthService bandwidth_;
  feeds::RanFeed feed_;
  location::LocationService location_;
  std::optional<http::Router> router_;
  std::unique_ptr<Reconciler> reconciler_;
  TimerId usage_timer_{};
  std::unique_ptr<TerminationTimer> termination_timer_;
  TimerId feed_timer_{};
  std::optional<auth::KeyRotation> key_rotation_;
};

}  // namespace sluice::mep
