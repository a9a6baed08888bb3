// A reply that is not known yet when its handler returns, so that no thread has to wait for it:
//
//   auto pending = std::make_shared<PendingResponse>();
//   store.submit(edit, [pending](Result<void> done) { pending->resolve(to_reply(done)); });
//   return deferred(pending);
//
// What the callback needs of the request must be copied: the request is gone when it runs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/http/message.h"

namespace sluice::http {

// Owned by those who may still resolve it. When the last of them lets go without a reply, the
// client gets a 500 and does not wait for ever. All functions may be called from any thread.
class PendingResponse : public std::enable_shared_from_this<PendingResponse> {
 public:
  using Change = std::function<Response(Response&&)>;
  using Receiver = std::function<void(Response&&)>;

  PendingResponse() = default;
  ~PendingResponse();
  PendingResponse(const PendingResponse&) = delete;
  PendingResponse& operator=(const PendingResponse&) = delete;

  // Gives the reply; the receiver runs before this returns. Only the first call counts. The reply
  // may itself be deferred: then that one is waited for.
  void resolve(Response response);

  // Has the reply pass through `change` on its way; several run in the order they were added. An
  // exception from it makes the reply a 500. Not after on_ready().
  void then(Change change);

  // Calls `receiver` with the reply, once: at once if it is there, otherwise on the thread that
  // resolves it. One receiver only; it must not throw.
  void on_ready(Receiver receiver);

 private:
  void deliver(std::unique_lock<std::mutex> lock);

  std::mutex mutex_;
  bool resolved_ = false;
  std::optional<Response> response_;  // resolved and not yet received
  std::vector<Change> changes_;
  Receiver receiver_;
};

// What a handler returns instead of a reply.
Response deferred(std::shared_ptr<PendingResponse> pending);

// Applies `change` to the reply, now or when it is there.
Response then(Response response, PendingResponse::Change change);

// Waits for the reply. For tests, and for callers that have a thread to spare.
Response await(Response response);

}  // namespace sluice::http
