// Notifications as HTTP POST to a callback, by libcurl on an event loop.
#pragma once

#include <memory>

#include "base/event_loop.h"
#include "notify/callback_policy.h"
#include "notify/sender.h"

namespace sluice::notify {

struct HttpSenderOptions {
  std::chrono::milliseconds connect_timeout{3'000};  // name resolution included
  std::chrono::milliseconds timeout{10'000};         // of a whole transfer
  size_t connections = 1024;                         // kept open at one time, idle ones included
  std::string ca_file;                               // PEM; empty: the system's
  std::string user_agent = "sluice";
};

// HTTP/1.1 with keep-alive; certificates are verified; redirects and proxies are not followed.
//
//   2xx                       kDelivered, whatever the body, which is not kept
//   410                       kGone
//   400 405 406 411 413 414   kRefused: this body will not do next time either
//   415 417 422 431 501 505
//   anything else, no answer  kTryAgain, with what Retry-After says
class HttpSender final : public Sender {
 public:
  // The loop's thread is the only one to use it; `loop` and `policy` must outlive it.
  HttpSender(EventLoop& loop, const CallbackPolicy& policy, const HttpSenderOptions& options);
  ~HttpSender() override;

  // The header field Sluice-Notification-Id carries `id`: it stays the same when a notification is
  // repeated, so that a receiver can tell.
  uint64_t send(const std::string& uri, std::string text, const std::string& id,
                Done done) override;
  void cancel(uint64_t transfer) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// What a status code says about a notification; see above.
Outcome outcome_of(int http_status);

}  // namespace sluice::notify
