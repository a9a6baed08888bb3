// The operator's credentials, for whoever drives the program on this machine.
#pragma once

#include <string>

#include "auth/client_store.h"
#include "base/store/store.h"

namespace sluice::auth {

// `path` (mode 0600) holds {"client_id", "client_secret"}. Makes it with fresh credentials when it
// is missing, and makes the store agree with it otherwise: to replace the credentials, remove the
// file and restart. The client may use `scopes`, and is the only one with exactly these. Fails when
// the file is there but does not read.
Result<void> ensure_operator(const std::string& path, store::Store& store,
                             store::Collection<Client> clients, const Scopes& scopes);

}  // namespace sluice::auth
