// A ClientStore without a database, for tests.
#pragma once

#include <map>
#include <set>
#include <string>

#include "auth/client_store.h"

namespace sluice::auth {

class MemoryClientStore final : public ClientStore {
 public:
  uint64_t version() const override { return version_; }

  void add(Client client) {
    ++version_;
    auto id = client.client_id;
    clients_.insert_or_assign(std::move(id), std::move(client));
  }
  void remove(std::string_view client_id) {
    ++version_;
    if (const auto it = clients_.find(client_id); it != clients_.end()) clients_.erase(it);
  }
  std::optional<Client> find(std::string_view client_id) const override {
    const auto it = clients_.find(client_id);
    if (it == clients_.end()) return std::nullopt;
    return it->second;
  }

  bool is_revoked(std::string_view, std::string_view token_id) const override {
    return revoked_.contains(token_id);
  }
  Result<void> revoke(const std::string&, const std::string& token_id, int64_t) override {
    ++version_;
    revoked_.insert(token_id);
    return {};
  }

 private:
  uint64_t version_ = 0;
  std::map<std::string, Client, std::less<>> clients_;
  std::set<std::string, std::less<>> revoked_;
};

}  // namespace sluice::auth
