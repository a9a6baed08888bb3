// Who may use the platform, for the operator (api-specs/mm5_access.yaml): clients, their secrets
// and tokens, and the keys that sign tokens.
#pragma once

#include "auth/key_ring.h"
#include "base/http/router.h"
#include "mep/app-enablement/app_end.h"
#include "mep/app-enablement/records.h"
#include "mep/clients/app_apis.h"
#include "mep/store/store.h"

namespace sluice::mep {

struct ClientsContext {
  Store& store;
  AppSupportRecords records;
  const AppEnd& ended;
  auth::KeyRing& keys;
  const AppApis& apis;
  size_t max_clients = 10'000;  // of the site
};

// `context` must outlive them.
http::Handlers client_handlers(const ClientsContext& context);

}  // namespace sluice::mep
