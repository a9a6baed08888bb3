#include "mep/auth/token_service.h"

#include <openssl/evp.h>

#include <array>

#include "mep/auth/base64.h"
#include "mep/auth/jwt.h"

namespace sluice::mep::auth {
namespace {

constexpr auto kRefused = ErrorCode::kUnauthenticated;

std::string digest_of(std::string_view token) {
  std::array<char, 32> out{};
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
             EVP_sha256(), nullptr);
  return std::string(out.data(), out.size());
}

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
    : keys_(keys), clients_(clients), clock_(clock), options_(std::move(options)) {}

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

Result<http::Principal> TokenService::verify(std::string_view token) const {
  const auto known = verified(token);
  if (!known) return std::unexpected(known.error());
  const auto client = check_current(*known);
  if (!client) return std::unexpected(client.error());
  http::Principal out;
  out.subject = client->client_id;
  out.scopes = common_scopes(known->scopes, client->scopes);
  if (client->app_instance_id) out.claims.emplace(kAppInstanceClaim, *client->app_instance_id);
  return out;
}

Result<TokenService::Identity> TokenService::identify(std::string_view token) const {
  const auto known = verified(token);
  if (!known) return std::unexpected(known.error());
  if (auto ok = check_current(*known); !ok) return std::unexpected(ok.error());
  return known->identity;
}

Result<TokenService::Verified> TokenService::verified(std::string_view token) const {
  if (token.size() > kMaxTokenSize) return fail(kRefused, "the token is malformed");
  const auto digest = digest_of(token);
  if (auto known = recall(digest)) return std::move(*known);
  auto checked = check(token);
  if (checked) remember(digest, *checked);
  return checked;
}

// What may have changed since the token was issued or last seen.
Result<Client> TokenService::check_current(const Verified& token) const {
  if (token.identity.expires <= seconds_of(clock_)) return fail(kRefused, "the token has expired");
  if (!keys_.find(token.key_id)) return fail(kRefused, "the token's key has been withdrawn");
  auto client = clients_.find(token.identity.client_id);
  if (!client || !client->honours(token.credential, milliseconds_of(clock_))) {
    return fail(kRefused, "the token's client has been withdrawn");
  }
  if (client->token_generation != token.generation ||
      clients_.is_revoked(token.identity.client_id, token.identity.token_id)) {
    return fail(kRefused, "the token has been revoked");
  }
  return std::move(*client);
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
  Verified out;
  out.identity = {text(claims, "sub"), text(claims, "jti"), expires->get<int64_t>()};
  out.scopes = split_scopes(text(claims, "scope"));
  out.credential = text(claims, "cred");
  // Absent in tokens of older versions of this program, which had but one generation.
  if (const auto generation = claims.find("gen");
      generation != claims.end() && generation->is_number_unsigned()) {
    out.generation = generation->get<uint64_t>();
  }
  out.key_id = jwt->key_id;
  return out;
}

std::optional<TokenService::Verified> TokenService::recall(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_digest_.find(digest);
  if (it == by_digest_.end()) return std::nullopt;
  recent_.splice(recent_.begin(), recent_, it->second);
  return it->second->second;
}

void TokenService::remember(const std::string& digest, const Verified& verified) const {
  const std::lock_guard lock(mutex_);
  if (by_digest_.contains(digest)) return;  // another thread was faster
  recent_.emplace_front(digest, verified);
  by_digest_.emplace(digest, recent_.begin());
  if (recent_.size() <= options_.max_verified) return;
  by_digest_.erase(recent_.back().first);
  recent_.pop_back();
}

}  // namespace sluice::mep::auth
