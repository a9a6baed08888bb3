// POST /oauth2/token: client credentials in, access token out (MEC 009 §7.2, RFC 6749 §4.4).
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/http/message.h"
#include "mep/auth/client_store.h"
#include "mep/auth/token_service.h"

namespace sluice::mep::auth {

// The operation issueToken. Errors are those of RFC 6749 §5.2; replies are never stored by caches.
class TokenEndpoint {
 public:
  // All three must outlive the endpoint.
  TokenEndpoint(const ClientStore& clients, const TokenService& tokens, const Clock& clock);

  // May be called by several threads at a time.
  http::Response handle(const http::Request& request);

 private:
  // Failures since the window began, per client id (known or not); those without an id, or
  // with one that no client can have, count under "".
  struct Failures {
    std::chrono::steady_clock::time_point since;
    int count = 0;
  };

  http::Response refuse_client(std::string_view client_id, bool used_basic);
  bool too_many_failures(std::string_view client_id);

  const ClientStore& clients_;
  const TokenService& tokens_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Failures, std::less<>> failures_;
};

}  // namespace sluice::mep::auth
