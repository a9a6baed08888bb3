// A client as it is kept in a store.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "auth/client_store.h"

namespace sluice::auth {

nlohmann::json client_to_json(const Client& client);
// What client_to_json() of this or an earlier version made; anything else is kInternal.
Result<Client> client_from_json(const nlohmann::json& value);

}  // namespace sluice::auth
