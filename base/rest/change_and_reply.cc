#include "base/rest/change_and_reply.h"

#include "base/http/pending_response.h"
#include "base/http/problem.h"

namespace sluice::rest {

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

}  // namespace sluice::rest
