// Replies to requests that change the store.
#pragma once

#include <memory>

#include "base/http/message.h"
#include "base/http/pending_response.h"
#include "base/http/problem.h"
#include "mep/store/store.h"

namespace sluice::mep {

// Runs edit(Draft&, Response& reply) -> Result<void> now and sends the reply that it made when what
// it did is durable, without a thread waiting for the disk; or the problem that it, or the write,
// returned.
template <typename Edit>
http::Response reply_when_durable(Store& store, Edit&& edit) {
  auto reply = std::make_shared<http::Response>();
  const auto pending = std::make_shared<http::PendingResponse>();
  store.submit([&](Draft& draft) -> Result<void> { return edit(draft, *reply); },
               [pending, reply](Result<void> done) {
                 pending->resolve(done ? std::move(*reply) : http::to_response(done.error()));
               });
  return http::deferred(pending);
}

}  // namespace sluice::mep
