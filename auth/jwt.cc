#include "auth/jwt.h"

#include "auth/base64.h"

namespace sluice::auth {
namespace {

constexpr auto kRefused = ErrorCode::kUnauthenticated;

std::optional<nlohmann::json> object_of(std::string_view encoded) {
  const auto bytes = from_base64url(encoded);
  if (!bytes) return std::nullopt;
  auto json = nlohmann::json::parse(*bytes, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

// The key that the header names, if the header is one of ours.
std::shared_ptr<const SigningKey> key_for(const nlohmann::json& header, const KeyFinder& find_key) {
  // "crit" would name extensions that the reader must understand (RFC 7515 §4.1.11): we know none.
  if (header.value("alg", nlohmann::json()) != "ES256" || header.contains("crit")) return nullptr;
  const auto id = header.find("kid");
  if (id == header.end() || !id->is_string()) return nullptr;
  return find_key(id->get_ref<const std::string&>());
}

}  // namespace

std::string sign_jwt(const nlohmann::json& claims, const SigningKey& key) {
  // "at+jwt": an access token and no other kind of JWT (RFC 9068 §2.1).
  const nlohmann::json header = {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key.id()}};
  std::string token = base64url(header.dump()) + "." + base64url(claims.dump());
  const auto signature = key.sign(token);
  return token + "." + base64url(signature);
}

Result<VerifiedJwt> verify_jwt(std::string_view token, const KeyFinder& find_key) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (token.size() > kMaxTokenSize || first == std::string_view::npos ||
      second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return fail(kRefused, "the token is malformed");
  }
  const auto header = object_of(token.substr(0, first));
  const auto key = header ? key_for(*header, find_key) : nullptr;
  if (!key) return fail(kRefused, "the token is not of this platform");
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature || !key->verify(token.substr(0, second), *signature)) {
    return fail(kRefused, "the token's signature is not valid");
  }
  auto claims = object_of(token.substr(first + 1, second - first - 1));
  if (!claims) return fail(kRefused, "the token is malformed");
  return VerifiedJwt{std::move(*claims), key->id()};
}

}  // namespace sluice::auth
