// How a client proves at the token endpoints who it is (RFC 6749 §2.3), and what their replies have
// in common.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "auth/client_store.h"
#include "base/clock.h"
#include "base/http/message.h"
#include "base/http/rate_limit.h"

namespace sluice::auth {

// Replies of the token endpoints are never stored by caches (RFC 6749 §5.1).
http::Response with_no_store(http::Response response);
// An error by the words of RFC 6749 §5.2.
http::Response oauth_error(int status, std::string_view error, std::string_view description);

// The form of a request, or the reply that refuses it: bounded, each parameter once (§3.2).
std::expected<http::Query, http::Response> read_form(const http::Request& request);

struct AuthenticatedClient {
  Client client;
  SecretHash secret;  // the one that it showed
};

class ClientAuthentication {
 public:
  // Both must outlive it.
  ClientAuthentication(const ClientStore& clients, const Clock& clock)
      : clients_(clients), clock_(clock), failures_(kFailures, clock) {}

  // The client that HTTP Basic or the form names, or the reply that refuses it. May be called by
  // several threads at a time.
  std::expected<AuthenticatedClient, http::Response> authenticate(const http::Request& request,
                                                                  const http::Query& form);

 private:
  // Ten at once, then one every six seconds.
  static constexpr http::RateLimit kFailures{
      .requests_per_s = 1.0 / 6, .burst = 10, .max_clients = 4096};

  http::Response refuse(std::string_view client_id);

  const ClientStore& clients_;
  const Clock& clock_;
  // By client id, known or not; those without an id, or with one that no client can have, are "".
  http::TokenBuckets failures_;
};

}  // namespace sluice::auth
