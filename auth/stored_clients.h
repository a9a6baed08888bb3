// Clients and revoked tokens in a program's store.
#pragma once

#include <cstdint>

#include "auth/client_store.h"
#include "base/store/store.h"

namespace sluice::store {
class Schema;
}

namespace sluice::auth {

// Times, in seconds since 1970, when revoked tokens expire, by client and token id.
store::Collection<int64_t> add_revoked_tokens(store::Schema& schema);

struct ClientRecords {
  store::Collection<Client> clients;  // by client id
  store::Collection<int64_t> revoked_tokens;

  static ClientRecords add_to(store::Schema& schema);
};

class StoredClients : public ClientStore {
 public:
  // Tokens of one client that are revoked and not yet expired; beyond, all of its tokens are, so
  // that nobody can use up what others need.
  static constexpr size_t kMaxRevoked = 100;

  // `store` must outlive it.
  StoredClients(store::Store& store, const ClientRecords& records)
      : store_(store), records_(records) {}

  uint64_t version() const override { return store_.revision(); }
  std::optional<Client> find(std::string_view client_id) const override;
  bool is_revoked(std::string_view client_id, std::string_view token_id) const override;
  Result<void> revoke(const std::string& client_id, const std::string& token_id,
                      int64_t expires) override;

 private:
  store::Store& store_;
  const ClientRecords records_;
};

}  // namespace sluice::auth
