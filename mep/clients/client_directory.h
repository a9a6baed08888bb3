// The clients of the store, as authentication asks for them.
#pragma once

#include "auth/stored_clients.h"
#include "mep/clients/records.h"
#include "mep/store/store.h"

namespace sluice::mep {

class ClientDirectory final : public auth::StoredClients {
 public:
  // `store` must outlive it.
  ClientDirectory(Store& store, store::Collection<auth::Client> clients,
                  const ClientRecords& records)
      : StoredClients(store.base(), {clients, records.revoked_tokens}), apps_(store) {}

  // An ended app may still see how it ended (mec_app_support) and use no other API.
  std::optional<auth::Client> find(std::string_view client_id) const override;

 private:
  const Store& apps_;
};

}  // namespace sluice::mep
