#include "auth/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "auth/base64.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kPrefix = "sha256:";

template <size_t N>
std::array<uint8_t, N> random_bytes() {
  std::array<uint8_t, N> out;
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    throw std::runtime_error("the system has no randomness to give");
  }
  return out;
}

template <size_t N>
bool fill(std::string_view text, std::array<uint8_t, N>& out) {
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

std::array<uint8_t, 32> salted_hash(std::span<const uint8_t> salt, std::string_view secret) {
  std::string input(salt.begin(), salt.end());
  input.append(secret);
  std::array<uint8_t, 32> out{};
  unsigned size = 0;
  EVP_Digest(input.data(), input.size(), out.data(), &size, EVP_sha256(), nullptr);
  OPENSSL_cleanse(input.data(), input.size());
  return out;
}

}  // namespace

std::string new_secret() { return base64url(random_bytes<32>()); }

SecretHash SecretHash::of(std::string_view secret) {
  SecretHash out;
  out.salt_ = random_bytes<16>();
  out.hash_ = salted_hash(out.salt_, secret);
  return out;
}

Result<SecretHash> SecretHash::parse(std::string_view text) {
  SecretHash out;
  const auto colon = text.rfind(':');
  if (!text.starts_with(kPrefix) || colon < kPrefix.size() ||
      !fill(text.substr(kPrefix.size(), colon - kPrefix.size()), out.salt_) ||
      !fill(text.substr(colon + 1), out.hash_)) {
    return fail(ErrorCode::kInvalidArgument, "not a stored secret");
  }
  return out;
}

std::string SecretHash::to_string() const {
  return std::string(kPrefix) + base64url(salt_) + ":" + base64url(hash_);
}

bool SecretHash::matches(std::string_view secret) const {
  const auto given = salted_hash(salt_, secret);
  return CRYPTO_memcmp(given.data(), hash_.data(), hash_.size()) == 0;
}

std::string SecretHash::fingerprint() const { return base64url(std::span(salt_).first(12)); }

}  // namespace sluice::auth
