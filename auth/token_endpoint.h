// POST /oauth2/token: client credentials in, access token out (MEC 009 §7.2, RFC 6749 §4.4).
// POST /oauth2/revoke: a client ends a token of its own (RFC 7009).
// GET /oauth2/jwks: the keys that tokens are verified with (RFC 7517 §5).
#pragma once

#include "auth/client_authentication.h"
#include "auth/client_store.h"
#include "auth/token_service.h"
#include "base/http/router.h"

namespace sluice::auth {

// Errors are those of RFC 6749 §5.2. All members may be called by several threads at a time.
class TokenEndpoint {
 public:
  // All must outlive the endpoint.
  TokenEndpoint(ClientStore& clients, const TokenService& tokens, const KeyRing& keys,
                const Clock& clock);

  http::Response issue(const http::Request& request);
  http::Response revoke(const http::Request& request);
  http::Response show_keys() const;

  // The operations of api-specs/token.yaml.
  http::Handlers handlers();

 private:
  ClientStore& clients_;
  const TokenService& tokens_;
  const KeyRing& keys_;
  ClientAuthentication authentication_;
};

}  // namespace sluice::auth
