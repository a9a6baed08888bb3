// The clients of the store, as authentication asks for them.
#pragma once

#include "mep/auth/client_store.h"
#include "mep/clients/records.h"
#include "mep/store/store.h"

namespace sluice::mep {

class ClientDirectory final : public auth::ClientStore {
 public:
  // Tokens of one client that are revoked and not yet expired; beyond, all of its tokens are, so
  // that nobody can use up what others need.
  static constexpr size_t kMaxRevoked = 100;

  // `store` must outlive it.
  ClientDirectory(Store& store, const ClientRecords& records) : store_(store), records_(records) {}

  // An ended app may still see how it ended (mec_app_support) and use no other API.
  std::optional<auth::Client> find(std::string_view client_id) const override;
  uint64_t version() const override { return store_.base().revision(); }
  bool is_revoked(std::string_view client_id, std::string_view token_id) const override;
  Result<void> revoke(const std::string& client_id, const std::string& token_id,
                      int64_t expires) override;

 private:
  Store& store_;
  const ClientRecords records_;
};

}  // namespace sluice::mep
