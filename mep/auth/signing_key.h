// The key that signs access tokens: ECDSA on P-256 with SHA-256, "ES256" (RFC 7518 §3.4).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::mep::auth {

class SigningKey {
 public:
  using Signature = std::array<uint8_t, 64>;  // R and S, 32 octets each, big-endian

  static Result<SigningKey> generate();

  // Reads the PEM file, or makes a key and writes it (mode 0600, complete or not at all) when there
  // is no such file. Refuses a file that others than its owner can access, or that holds anything
  // but a P-256 key.
  static Result<SigningKey> load_or_create(const std::string& path);

  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  // Names the key: its thumbprint (RFC 7638).
  const std::string& id() const { return id_; }

  // Safe to call from several threads.
  Signature sign(std::string_view data) const;
  bool verify(std::string_view data, std::span<const uint8_t> signature) const;

 private:
  struct Key;
  explicit SigningKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
  std::string id_;
};

}  // namespace sluice::mep::auth
