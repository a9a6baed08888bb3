// mec_service_mgmt/v1 (MEC 011 §8.2): what its handlers work on.
#pragma once

#include <functional>
#include <string_view>

#include "base/http/router.h"
#include "base/store/store.h"
#include "mep/registry/directory.h"
#include "mep/registry/liveness.h"
#include "mep/registry/registry.h"
#include "mep/registry/view.h"

namespace sluice::mep::registry {

struct ServiceApi {
  store::Store& store;
  const Registry& registry;
  Directory& directory;
  Liveness& liveness;
  Links links;
  // Whether the platform has that app instance: asked within the change, after which a service of
  // one that was withdrawn meanwhile would stay for ever.
  std::function<bool(const store::Snapshot&, std::string_view app_instance_id)> app_exists;
};

// The operations of api-specs/mec_service_mgmt.yaml but for subscriptions. `api` must outlive them.
http::Handlers service_handlers(const ServiceApi& api);
http::Handlers liveness_handlers(const ServiceApi& api);

}  // namespace sluice::mep::registry
