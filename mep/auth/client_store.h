// Who may ask for tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mep/auth/scopes.h"
#include "mep/auth/secret.h"

namespace sluice::mep::auth {

struct Client {
  std::string client_id;
  SecretHash secret_hash;
  Scopes scopes;                               // what it may ask for
  std::optional<std::string> app_instance_id;  // the app instance it is; none: an operator's client
};

class ClientStore {
 public:
  virtual ~ClientStore() = default;
  // Called on every authenticated request, by several threads at a time: answer from memory.
  virtual std::optional<Client> find(std::string_view client_id) const = 0;
};

}  // namespace sluice::mep::auth
