#include "mep/registry/own_service.h"

#include "auth/token_service.h"
#include "base/http/pending_response.h"
#include "base/http/problem.h"

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

http::Response change_and_reply(
    store::Store& store, const std::function<Result<http::Response>(store::Transaction&)>& edit) {
  auto pending = std::make_shared<http::PendingResponse>();
  auto reply = std::make_shared<http::Response>();
  store.submit(
      [&](store::Transaction& change) -> Result<void> {
        auto made = edit(change);
        if (!made) return std::unexpected(std::move(made.error()));
        *reply = std::move(*made);
        return {};
      },
      [pending, reply](const Result<void>& done) {
        pending->resolve(done ? std::move(*reply) : http::to_response(done.error()));
      });
  return http::deferred(std::move(pending));
}

}  // namespace sluice::mep::registry
