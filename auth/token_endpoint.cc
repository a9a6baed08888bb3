#include "auth/token_endpoint.h"

#include <algorithm>

namespace sluice::auth {

using http::Response;

TokenEndpoint::TokenEndpoint(ClientStore& clients, const TokenService& tokens, const KeyRing& keys,
                             const Clock& clock)
    : clients_(clients), tokens_(tokens), keys_(keys), authentication_(clients, clock) {}

Response TokenEndpoint::issue(const http::Request& request) {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto grant = form->get("grant_type");
  // RFC 6749 §3.2: without a value it counts as left out.
  if (!grant || grant->empty())
    return oauth_error(400, "invalid_request", "grant_type is required");
  if (*grant != "client_credentials") {
    return oauth_error(400, "unsupported_grant_type", "only client_credentials is supported");
  }
  const auto known = authentication_.authenticate(request, *form);
  if (!known) return known.error();

  const auto& client = known->client;
  auto scopes = client.scopes;
  if (const auto asked = form->get("scope")) {
    scopes = split_scopes(*asked);
    if (scopes.empty() || !std::ranges::includes(client.scopes, scopes)) {
      return oauth_error(400, "invalid_scope",
                         "this client may have: " + join_scopes(client.scopes));
    }
  }
  return with_no_store(
      Response::json(200, {{"access_token", tokens_.issue(client, known->secret, scopes)},
                           {"token_type", "Bearer"},
                           {"expires_in", tokens_.lifetime().count()},
                           {"scope", join_scopes(scopes)}}));
}

// RFC 7009 §2.2: a token that is not valid is as good as revoked, and the reply says no more. The
// token_type_hint is one, and there is but one type.
Response TokenEndpoint::revoke(const http::Request& request) {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto known = authentication_.authenticate(request, *form);
  if (!known) return known.error();
  const auto token = form->get("token");
  if (!token) return oauth_error(400, "invalid_request", "token is required");

  const Response done = with_no_store(Response{200, {}, {}});
  const auto identity = tokens_.identify(*token);
  if (!identity) return done;
  if (identity->client_id != known->client.client_id) {
    return oauth_error(400, "unauthorized_client", "the token was issued to another client");
  }
  if (auto ok = clients_.revoke(identity->client_id, identity->token_id, identity->expires); !ok) {
    return oauth_error(503, "temporarily_unavailable", ok.error().message);
  }
  return done;
}

Response TokenEndpoint::show_keys() const {
  // Verifiers ask again when they meet a key that they do not know.
  auto reply = Response::json(200, keys_.jwks());
  reply.headers.set("Cache-Control", "max-age=60");
  return reply;
}

http::Handlers TokenEndpoint::handlers() {
  return {{"issueToken", [this](const http::Request& r) { return issue(r); }},
          {"revokeToken", [this](const http::Request& r) { return revoke(r); }},
          {"getTokenKeys", [this](const http::Request&) { return show_keys(); }}};
}

}  // namespace sluice::auth
