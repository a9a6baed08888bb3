// The clients of the store, as authentication asks for them.
#pragma once

#include "mep/auth/client_store.h"
#include "mep/store/store.h"

namespace sluice::mep {

class ClientDirectory final : public auth::ClientStore {
 public:
  explicit ClientDirectory(const Store& store) : store_(store) {}  // which must outlive it

  std::optional<auth::Client> find(std::string_view client_id) const override {
    const auto state = store_.snapshot();
    const auto* found = state.clients().find(client_id);
    if (found == nullptr) return std::nullopt;
    return found->value;
  }
  bool is_revoked(std::string_view) const override { return false; }
  Result<void> revoke(const std::string&, int64_t) override {
    return fail(ErrorCode::kUnavailable, "this store keeps no revocations");
  }

 private:
  const Store& store_;
};

}  // namespace sluice::mep
