#include "mep/registry/own_service.h"

#include "auth/token_service.h"

namespace sluice::mep::registry {

Result<std::string> own_app(const http::Request& request, std::string_view parameter) {
  const auto own = request.principal ? auth::app_instance_of(*request.principal) : std::nullopt;
  if (own && *own == request.path_param(parameter)) return std::string(*own);
  return fail(ErrorCode::kPermissionDenied, "the access token is of another app instance");
}

Result<const store::Stored<ServiceRecord>*> find_own(const store::Snapshot& state,
                                                     const Records& records, std::string_view owner,
                                                     std::string_view id) {
  const auto* stored = state.find(records.services, id);
  if (stored != nullptr && stored->value.owner == owner) return stored;
  return fail(ErrorCode::kNotFound, "app instance '{}' has no service '{}'", owner, id);
}

}  // namespace sluice::mep::registry
