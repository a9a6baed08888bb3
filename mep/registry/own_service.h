// What the handlers share: whose resources a request may touch, and replies that wait for the disk.
#pragma once

#include <functional>

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

// Runs `edit` at once; its reply is sent when what it did is durable.
http::Response change_and_reply(
    store::Store& store, const std::function<Result<http::Response>(store::Transaction&)>& edit);

}  // namespace sluice::mep::registry
