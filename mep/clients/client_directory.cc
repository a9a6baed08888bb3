#include "mep/clients/client_directory.h"

#include "mep/store/state.h"

namespace sluice::mep {

ClientRecords ClientRecords::add_to(store::Schema& schema) {
  return {auth::add_revoked_tokens(schema)};
}

std::optional<auth::Client> ClientDirectory::find(std::string_view client_id) const {
  const auto state = apps_.snapshot();
  const auto* found = state.clients().find(client_id);
  if (found == nullptr) return std::nullopt;
  auto out = found->value;
  const auto* app = out.app_instance_id ? state.find_app(*out.app_instance_id) : nullptr;
  if (app != nullptr && app->state == AppState::kTerminated) {
    out.scopes = auth::common_scopes(out.scopes, {std::string(auth::kScopeAppSupport)});
  }
  return out;
}

}  // namespace sluice::mep
