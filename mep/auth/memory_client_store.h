// A ClientStore without a database, for tests.
#pragma once

#include <map>
#include <string>

#include "mep/auth/client_store.h"

namespace sluice::mep::auth {

class MemoryClientStore final : public ClientStore {
 public:
  void add(Client client) {
    auto id = client.client_id;
    clients_.insert_or_assign(std::move(id), std::move(client));
  }
  void remove(std::string_view client_id) {
    if (const auto it = clients_.find(client_id); it != clients_.end()) clients_.erase(it);
  }
  std::optional<Client> find(std::string_view client_id) const override {
    const auto it = clients_.find(client_id);
    if (it == clients_.end()) return std::nullopt;
    return it->second;
  }

 private:
  std::map<std::string, Client, std::less<>> clients_;
};

}  // namespace sluice::mep::auth
