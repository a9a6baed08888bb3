#include "base/http/pending_response.h"

#include <future>

#include "base/http/problem.h"

namespace sluice::http {
namespace {

Response server_fault() {
  try {
    return Response::problem(500, kServerFault);
  } catch (...) {  // out of memory
    return Response{500, {}, {}};
  }
}

}  // namespace

PendingResponse::~PendingResponse() {
  if (resolved_) return;
  std::unique_lock lock(mutex_);
  resolved_ = true;
  response_ = server_fault();
  deliver(std::move(lock));
}

void PendingResponse::resolve(Response response) {
  std::unique_lock lock(mutex_);
  if (resolved_) return;
  if (response.pending) {
    const auto later = std::move(response.pending);
    lock.unlock();
    later->on_ready(
        [self = shared_from_this()](Response&& reply) { self->resolve(std::move(reply)); });
    return;
  }
  resolved_ = true;
  response_ = std::move(response);
  deliver(std::move(lock));
}

void PendingResponse::then(Change change) {
  const std::lock_guard lock(mutex_);
  changes_.push_back(std::move(change));
}

void PendingResponse::on_ready(Receiver receiver) {
  std::unique_lock lock(mutex_);
  receiver_ = std::move(receiver);
  deliver(std::move(lock));
}

// Runs what is foreign to this class without the lock.
void PendingResponse::deliver(std::unique_lock<std::mutex> lock) {
  if (!response_ || !receiver_) return;
  Response response = std::move(*response_);
  response_.reset();
  const auto changes = std::exchange(changes_, {});
  const auto receiver = std::exchange(receiver_, nullptr);
  lock.unlock();
  try {
    for (const auto& change : changes) response = change(std::move(response));
  } catch (...) {
    response = server_fault();
  }
  receiver(std::move(response));
}

Response deferred(std::shared_ptr<PendingResponse> pending) {
  Response response;
  response.status = 0;  // nobody must take it for a reply
  response.pending = std::move(pending);
  return response;
}

Response then(Response response, PendingResponse::Change change) {
  if (!response.pending) return change(std::move(response));
  response.pending->then(std::move(change));
  return response;
}

Response await(Response response) {
  if (!response.pending) return response;
  auto reply =
      std::make_shared<std::promise<Response>>();  // outlives set_value(), as get() may not
  auto future = reply->get_future();
  std::exchange(response.pending, nullptr)->on_ready([reply](Response&& ready) {
    reply->set_value(std::move(ready));
  });
  return future.get();
}

}  // namespace sluice::http
