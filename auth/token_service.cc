#include "auth/token_service.h"

#include <algorithm>

#include "auth/base64.h"
#include "auth/jwt.h"

namespace sluice::auth {
namespace {

constexpr auto kRefused = ErrorCode::kUnauthenticated;

int64_t seconds_of(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.wall()).time_since_epoch().count();
}

int64_t milliseconds_of(const Clock& clock) {
  return std::chrono::floor<std::chrono::milliseconds>(clock.wall()).time_since_epoch().count();
}

// The text of a claim; empty when it is absent or of another type.
std::string text(const nlohmann::json& claims, std::string_view name) {
  const auto it = claims.find(name);
  return it != claims.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::optional<std::string_view> app_instance_of(const http::Principal& principal) {
  return principal.claim(kAppInstanceClaim);
}

TokenService::TokenService(const KeyRing& keys, const ClientStore& clients, const Clock& clock,
                           TokenOptions options)
    : keys_(keys),
      clients_(clients),
      clock_(clock),
      options_(std::move(options)),
      cache_(options_.max_verified) {}

std::string TokenService::issue(const Client& client, const SecretHash& secret,
                                const Scopes& scopes) const {
  const int64_t now = seconds_of(clock_);
  nlohmann::json claims = {{"iss", options_.issuer},
                           {"aud", options_.audience},
                           {"sub", client.client_id},
                           {"client_id", client.client_id},
                           {"scope", join_scopes(scopes)},
                           {"iat", now},
                           {"exp", now + options_.lifetime.count()},
                           {"jti", new_secret()},
                           {"gen", client.token_generation},
                           {"cred", secret.fingerprint()}};
  if (client.app_instance_id) claims[std::string(kAppInstanceClaim)] = *client.app_instance_id;
  return sign_jwt(claims, *keys_.signing());
}

Result<http::PrincipalPtr> TokenService::verify(std::string_view token,
                                                http::TokenCheck when) const {
  // Before what they are the versions of: a change in between is seen the next time.
  const auto clients = clients_.version();
  const auto keys = keys_.version();
  if (auto known = cache_.holder(token); known && known->clients == clients &&
                                         known->keys == keys &&
                                         milliseconds_of(clock_) < known->until_ms) {
    return std::move(known->principal);
  }
  const auto known = verified(token);
  if (!known) return std::unexpected(known.error());
  const auto current = check_current(**known, when);
  if (!current) return std::unexpected(current.error());
  const auto& client = current->client;
  auto out = std::make_shared<http::Principal>();
  out->subject = client.client_id;
  out->scopes = common_scopes((*known)->scopes, client.scopes);
  if (client.app_instance_id) out->claims.emplace(kAppInstanceClaim, *client.app_instance_id);
  cache_.set_holder(token, {out, clients, keys, current->until_ms});
  return out;
}

Result<TokenService::Identity> TokenService::identify(std::string_view token) const {
  const auto known = verified(token);
  if (!known) return std::unexpected(known.error());
  if (auto ok = check_current(**known, http::TokenCheck::kAtHeader); !ok)
    return std::unexpected(ok.error());
  return Identity{(*known)->client_id, (*known)->token_id, (*known)->expires};
}

Result<TokenService::Verified> TokenService::verified(std::string_view token) const {
  if (token.size() > kMaxTokenSize) return fail(kRefused, "the token is malformed");
  if (auto known = cache_.find(token)) return known;
  auto checked = check(token);
  if (checked) cache_.remember(token, *checked);
  return checked;
}

// What may have changed since the token was issued or last seen.
Result<TokenService::Current> TokenService::check_current(const VerifiedToken& token,
                                                          http::TokenCheck when) const {
  const bool expired = token.expires <= seconds_of(clock_);
  if (expired && when == http::TokenCheck::kAtHeader)
    return fail(kRefused, "the token has expired");
  if (!keys_.find(token.key_id)) return fail(kRefused, "the token's key has been withdrawn");
  auto client = clients_.find(token.client_id);
  const auto honoured = client ? client->honours_until_ms(token.credential) : 0;
  if (honoured <= milliseconds_of(clock_)) {
    return fail(kRefused, "the token's client has been withdrawn");
  }
  if (client->token_generation != token.generation ||
      clients_.is_revoked(token.client_id, token.token_id)) {
    return fail(kRefused, "the token has been revoked");
  }
  return Current{std::move(*client), std::min(honoured, token.expires * 1000)};
}

Result<TokenService::Verified> TokenService::check(std::string_view token) const {
  const auto jwt = verify_jwt(token, [this](std::string_view id) { return keys_.find(id); });
  if (!jwt) return std::unexpected(jwt.error());
  const auto& claims = jwt->claims;
  if (text(claims, "iss") != options_.issuer || text(claims, "aud") != options_.audience) {
    return fail(kRefused, "the token is meant for somebody else");
  }
  const auto expires = claims.find("exp");
  if (expires == claims.end() || !expires->is_number_integer()) {
    return fail(kRefused, "the token does not expire");
  }
  VerifiedToken out;
  out.client_id = text(claims, "sub");
  out.token_id = text(claims, "jti");
  out.expires = expires->get<int64_t>();
  out.scopes = split_scopes(text(claims, "scope"));
  out.credential = text(claims, "cred");
  // Absent in tokens of older versions of this program, which had but one generation.
  if (const auto generation = claims.find("gen");
      generation != claims.end() && generation->is_number_unsigned()) {
    out.generation = generation->get<uint64_t>();
  }
  out.key_id = jwt->key_id;
  return std::make_shared<const VerifiedToken>(std::move(out));
}

}  // namespace sluice::auth
