// The key that signs access tokens: ECDSA on P-256 with SHA-256, "ES256" (RFC 7518 §3.4).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::auth {

class SigningKey {
 public:
  using Signature = std::array<uint8_t, 64>;  // R and S, 32 octets each, big-endian

  static Result<SigningKey> generate();

  // Reads the PEM file. kNotFound when there is none; refuses a file that others than its owner can
  // access, or that holds anything but a P-256 key.
  static Result<SigningKey> load(const std::string& path);
  // Writes the PEM file, which must not exist yet (kConflict): mode 0600, complete or not at all,
  // durable when this returns.
  Result<void> save(const std::string& path) const;
  // Reads the file, or makes a key and writes it when there is none.
  static Result<SigningKey> load_or_create(const std::string& path);

  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  // Names the key: its thumbprint (RFC 7638).
  const std::string& id() const { return id_; }

  // The public half as a JSON Web Key for verifiers (RFC 7517 §4).
  nlohmann::json public_jwk() const;

  // Safe to call from several threads.
  Signature sign(std::string_view data) const;
  bool verify(std::string_view data, std::span<const uint8_t> signature) const;

 private:
  struct Key;
  explicit SigningKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
  std::string id_;
};

}  // namespace sluice::auth
