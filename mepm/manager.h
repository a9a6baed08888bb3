// The manager without its sockets: everything that stands behind the router.
#pragma once

#include <memory>
#include <optional>

#include "auth/key_ring.h"
#include "auth/key_rotation.h"
#include "auth/stored_clients.h"
#include "auth/token_endpoint.h"
#include "auth/token_service.h"
#include "base/http/router.h"
#include "mepm/config.h"
#include "mepm/handlers.h"

namespace sluice::mepm {

class Manager {
 public:
  // Opens the state, builds the router and takes up what was under way. `loop` and `clock` must
  // outlive it; made and destroyed on the loop's thread.
  static Result<std::unique_ptr<Manager>> start(EventLoop& loop, const Clock& clock,
                                                const MepmConfig& config);
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { close(); }

  // Ends what is being done; apps go on. No other thread may use it any more. On the loop's thread.
  void close();

  // From any thread.
  http::Admission admit(http::Request& request) const { return router_->admit(request); }
  http::Response handle(http::Request request) const { return router_->handle(std::move(request)); }

 private:
  struct Collections {
    auth::ClientRecords clients;
    AgentRecords agent;
  };
  Manager(EventLoop& loop, const Clock& clock, const MepmConfig& config,
          const Collections& collections, std::unique_ptr<store::Store> store,
          std::unique_ptr<auth::KeyRing> keys, app_package::ContentFiles files);
  Result<void> build_router(const MepmConfig& config);

  const Clock& clock_;
  const Collections collections_;
  std::unique_ptr<store::Store> store_;
  auth::StoredClients clients_;
  std::unique_ptr<auth::KeyRing> keys_;
  auth::TokenService tokens_;
  auth::TokenEndpoint token_endpoint_;
  app_package::ContentFiles files_;
  Podman podman_;
  MecPlatform platform_;
  SitePackages packages_;
  Agent agent_;
  WorkQueue logs_{1};
  const SiteContext context_;
  std::optional<http::Router> router_;
  std::optional<auth::KeyRotation> key_rotation_;
  bool closed_ = false;
};

}  // namespace sluice::mepm
