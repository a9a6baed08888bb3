// Signed JSON Web Tokens, of the one kind we make: ES256 with our own key (RFC 7519, RFC 7515).
//
// Not a general JWT library on purpose. The algorithm is a fact of this code and not of the token,
// so that neither "none" nor a confusion of key kinds (RFC 8725 §2.1) has a place to begin.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "auth/signing_key.h"
#include "base/error.h"

namespace sluice::auth {

inline constexpr size_t kMaxTokenSize = 4096;  // characters

std::string sign_jwt(const nlohmann::json& claims, const SigningKey& key);

// The key of that id, null when it is not (any more) one of ours.
using KeyFinder = std::function<std::shared_ptr<const SigningKey>(std::string_view key_id)>;

struct VerifiedJwt {
  nlohmann::json claims;
  std::string key_id;
};

// The claims, once form, key id, algorithm and signature are checked; what they mean (expiry,
// audience) is the caller's to check. kUnauthenticated otherwise.
Result<VerifiedJwt> verify_jwt(std::string_view token, const KeyFinder& find_key);

}  // namespace sluice::auth
