#include "mep/app-enablement/own_app.h"

#include "auth/token_service.h"

namespace sluice::mep {

Result<std::string> own_app_id(const http::Request& request) {
  const auto own = request.principal ? auth::app_instance_of(*request.principal) : std::nullopt;
  const auto& id = request.path_param("appInstanceId");
  if (own && *own == id) return id;
  return fail(ErrorCode::kPermissionDenied, "the access token is of another app instance");
}

Result<const AppInstance*> find_app(const State& state, const std::string& id) {
  if (const auto* app = state.find_app(id)) return app;
  return fail(ErrorCode::kNotFound, "no app instance '{}'", id);
}

Result<const AppInstance*> find_living_app(const State& state, const std::string& id) {
  auto app = find_app(state, id);
  if (app && (*app)->state == AppState::kTerminated) {
    return fail(ErrorCode::kConflict, "the app instance is TERMINATED");
  }
  return app;
}

}  // namespace sluice::mep
