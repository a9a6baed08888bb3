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

// The text of a claim; empty when it is absent or of another type.
std::string text(const nlohmann::json& claims, std::string_view name) {
  const auto it = claims.find(name);
  return it != claims.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::optional<std::string_view> app_instance_of(const http::Principal& principal) {
  return principal.claim(kAppInstanceClaim);
}

TokenService::TokenService(SigningKey key, const ClientStore& clients, const Clock& clock,
                           TokenOptions options)
    : key_(std::move(key)), clients_(clients), clock_(clock), options_(std::move(options)) {}

std::string TokenService::issue(const Client& client, const Scopes& scopes) const {
  const int64_t now = seconds_of(clock_);
  nlohmann::json claims = {{"iss", options_.issuer},
                           {"aud", options_.audience},
                           {"sub", client.client_id},
                           {"client_id", client.client_id},
                           {"scope", join_scopes(scopes)},
                           {"iat", now},
                           {"exp", now + options_.lifetime.count()},
                           {"jti", new_secret()},
                           {"cred", client.secret_hash.fingerprint()}};
  if (client.app_instance_id) claims[std::string(kAppInstanceClaim)] = *client.app_instance_id;
  return sign_jwt(claims, key_);
}

Result<http::Principal> TokenService::verify(std::string_view token) const {
  if (token.size() > kMaxTokenSize) return fail(kRefused, "the token is malformed");
  const auto digest = digest_of(token);
  auto verified = recall(digest);
  if (!verified) {
    auto checked = check(token);
    if (!checked) return std::unexpected(checked.error());
    remember(digest, *checked);
    verified = std::move(*checked);
  }
  if (verified->expires <= seconds_of(clock_)) return fail(kRefused, "the token has expired");
  const auto client = clients_.find(verified->principal.subject);
  if (!client || client->secret_hash.fingerprint() != verified->credential) {
    return fail(kRefused, "the token's client has been withdrawn");
  }
  return std::move(verified->principal);
}

Result<TokenService::Verified> TokenService::check(std::string_view token) const {
  const auto claims = verify_jwt(token, key_);
  if (!claims) return std::unexpected(claims.error());
  if (text(*claims, "iss") != options_.issuer || text(*claims, "aud") != options_.audience) {
    return fail(kRefused, "the token is meant for somebody else");
  }
  const auto expires = claims->find("exp");
  if (expires == claims->end() || !expires->is_number_integer()) {
    return fail(kRefused, "the token does not expire");
  }
  Verified out;
  out.expires = expires->get<int64_t>();
  out.credential = text(*claims, "cred");
  out.principal.subject = text(*claims, "sub");
  out.principal.scopes = split_scopes(text(*claims, "scope"));
  if (const auto app = text(*claims, kAppInstanceClaim); !app.empty()) {
    out.principal.claims.emplace(kAppInstanceClaim, app);
  }
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
