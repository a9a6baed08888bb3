// Client secrets: made here, shown once, kept only as a salted hash.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::auth {

// 256 random bits as text (base64url, 43 characters). Nobody guesses that, so that one round of
// SHA-256 keeps it as well as a slow password hash would.
std::string new_secret();

class SecretHash {
 public:
  SecretHash() = default;  // matches nothing

  static SecretHash of(std::string_view secret);  // with a salt of its own
  // The form to store: "sha256:SALT:HASH". kInvalidArgument for anything else.
  static Result<SecretHash> parse(std::string_view text);
  std::string to_string() const;

  // Takes the same time whatever the secret.
  bool matches(std::string_view secret) const;

  // Differs for every secret ever given; tells nothing about it.
  std::string fingerprint() const;

  bool operator==(const SecretHash&) const = default;

 private:
  std::array<uint8_t, 16> salt_{};
  std::array<uint8_t, 32> hash_{};
};

}  // namespace sluice::auth
