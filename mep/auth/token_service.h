// Issues access tokens and tells what a token entitles to (MEC 009 §7.2, RFC 9068).
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"
#include "base/http/message.h"
#include "mep/auth/client_store.h"
#include "mep/auth/scopes.h"
#include "mep/auth/signing_key.h"

namespace sluice::mep::auth {

// The claim that names the app instance a principal is; absent for operators' clients.
inline constexpr std::string_view kAppInstanceClaim = "app_instance_id";
std::optional<std::string_view> app_instance_of(const http::Principal& principal);

struct TokenOptions {
  std::string issuer = "sluice-mep";
  std::string audience = "sluice-mep";  // only tokens made for this one are taken
  std::chrono::seconds lifetime{600};   // of a token
  size_t max_verified = 10'000;         // tokens whose signature is remembered as good
};

// All members may be called by several threads at a time.
class TokenService {
 public:
  // `clients` and `clock` must outlive the service.
  TokenService(SigningKey key, const ClientStore& clients, const Clock& clock,
               TokenOptions options = {});

  std::string issue(const Client& client, const Scopes& scopes) const;
  std::chrono::seconds lifetime() const { return options_.lifetime; }

  // Who holds the token. kUnauthenticated when it is not ours, has expired, or its client is gone
  // or has got another secret since: withdrawing a client ends its tokens at once.
  Result<http::Principal> verify(std::string_view token) const;

 private:
  struct Verified {
    http::Principal principal;
    std::string credential;  // fingerprint of the secret that the token was given for
    int64_t expires = 0;     // seconds since 1970
  };
  Result<Verified> check(std::string_view token) const;
  std::optional<Verified> recall(const std::string& digest) const;
  void remember(const std::string& digest, const Verified& verified) const;

  const SigningKey key_;
  const ClientStore& clients_;
  const Clock& clock_;
  const TokenOptions options_;

  // Checking a signature costs more than all the rest of a request: good ones are remembered, by
  // digest so that no token stays in memory, the least recently used forgotten first.
  using Recent = std::list<std::pair<std::string, Verified>>;
  mutable std::mutex mutex_;
  mutable Recent recent_;
  mutable std::unordered_map<std::string, Recent::iterator> by_digest_;
};

}  // namespace sluice::mep::auth
