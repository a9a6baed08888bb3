// What the handlers share: whose resources a request may touch.
#pragma once

#include "base/http/message.h"
#include "base/store/store.h"
#include "mep/registry/registry.h"

namespace sluice::mep::registry {

// The app instance in the path, when the token is its own; kPermissionDenied otherwise, whether or
// not it exists, so that nobody can find out who else is here.
Result<std::string> own_app(const http::Request& request, std::string_view parameter);

// A service of that owner; kNotFound.
Result<const store::Stored<ServiceRecord>*> find_own(const store::Snapshot& state,
                                                     const Records& records, std::string_view owner,
                                                     std::string_view id);

}  // namespace sluice::mep::registry
