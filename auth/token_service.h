// Issues access tokens and tells what a token entitles to (MEC 009 §7.2, RFC 9068).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "auth/client_store.h"
#include "auth/key_ring.h"
#include "auth/scopes.h"
#include "auth/token_cache.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/http/router.h"

namespace sluice::auth {

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
  // All three must outlive the service. `options.lifetime` is the ring's.
  TokenService(const KeyRing& keys, const ClientStore& clients, const Clock& clock,
               TokenOptions options = {});

  // `secret` is the one that the client showed: the token lives no longer than it.
  std::string issue(const Client& client, const SecretHash& secret, const Scopes& scopes) const;
  std::chrono::seconds lifetime() const { return options_.lifetime; }

  // Who holds the token. kUnauthenticated when it is not ours, has expired or was revoked, or when
  // its client or the secret that it was given for is gone: withdrawing a client ends its tokens at
  // once. What the client is and may do now counts, not what it was when the token was issued.
  // kAfterBody: that it has expired is no matter.
  Result<http::PrincipalPtr> verify(std::string_view token,
                                    http::TokenCheck when = http::TokenCheck::kAtHeader) const;
  // verify() for a router.
  http::Authenticator authenticator() const {
    return [this](std::string_view token, http::TokenCheck when) { return verify(token, when); };
  }

  // What a token says that verify() takes, for whoever revokes it.
  struct Identity {
    std::string client_id;
    std::string token_id;
    int64_t expires = 0;  // seconds since 1970
  };
  Result<Identity> identify(std::string_view token) const;

 private:
  using Verified = std::shared_ptr<const VerifiedToken>;
  // The client of a token that counts, and how long it does unless something changes.
  struct Current {
    Client client;
    int64_t until_ms;  // Unix time
  };
  Result<Current> check_current(const VerifiedToken& token, http::TokenCheck when) const;
  Result<Verified> verified(std::string_view token) const;
  Result<Verified> check(std::string_view token) const;

  const KeyRing& keys_;
  const ClientStore& clients_;
  const Clock& clock_;
  const TokenOptions options_;
  mutable TokenCache cache_;
};

}  // namespace sluice::auth
