// The orchestrator without its sockets: everything that stands behind the router.
#pragma once

#include <memory>
#include <optional>

#include "auth/key_rotation.h"
#include "auth/stored_clients.h"
#include "auth/token_endpoint.h"
#include "auth/token_service.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/http/router.h"
#include "meao/catalogue/catalogue.h"
#include "meao/config.h"
#include "notify/notifications.h"

namespace sluice::meao {

class Orchestrator {
 public:
  // Opens the state, builds the router from the orchestrator's documents and takes up what was
  // under way. `loop` and `clock` must outlive it; made and destroyed on the loop's thread.
  static Result<std::unique_ptr<Orchestrator>> start(EventLoop& loop, const Clock& clock,
                                                     const MeaoConfig& config);
  Orchestrator(const Orchestrator&) = delete;
  Orchestrator& operator=(const Orchestrator&) = delete;
  ~Orchestrator();  // closes first

  // Ends the work on packages and the delivery of notifications, writes what is pending and lets
  // every reply that waits for it go. No other thread may use it any more. On the loop's thread.
  void close();

  // From any thread.
  http::Admission admit(http::Request& request) const { return router_->admit(request); }
  http::Response handle(http::Request request) const { return router_->handle(std::move(request)); }

  const Catalogue& catalogue() const { return *catalogue_; }
  const notify::Notifications& notifications() const { return *notifications_; }

 private:
  struct Collections {
    notify::Records notifications;
    auth::ClientRecords clients;
    CatalogueRecords catalogue;
    static Collections add_to(store::Schema& schema);
  };

  Orchestrator(EventLoop& loop, const Clock& clock, const MeaoConfig& config,
               const Collections& collections, std::unique_ptr<store::Store> store,
               std::unique_ptr<notify::Notifications> notifications,
               std::unique_ptr<auth::KeyRing> keys);
  Result<void> build_router(const MeaoConfig& config);

  const Clock& clock_;
  const Collections collections_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<notify::Notifications> notifications_;
  auth::StoredClients clients_;
  std::unique_ptr<auth::KeyRing> keys_;
  auth::TokenService tokens_;
  auth::TokenEndpoint token_endpoint_;
  const notify::CallbackPolicy fetch_policy_;
  PackageEvents events_;
  std::unique_ptr<Catalogue> catalogue_;
  std::optional<http::Router> router_;
  std::optional<auth::KeyRotation> key_rotation_;
  bool closed_ = false;
};

}  // namespace sluice::meao
