// Who may ask for tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/scopes.h"
#include "auth/secret.h"

namespace sluice::auth {

// A secret that has got a successor and works until its owner has had time to change over.
struct OldSecret {
  SecretHash hash;
  int64_t valid_until_ms = 0;  // Unix time
  bool operator==(const OldSecret&) const = default;
};

struct Client {
  std::string client_id;
  SecretHash secret_hash;
  Scopes scopes;  // what it may ask for, and its tokens may be used for
  std::optional<std::string> app_instance_id;  // the app instance it is
  std::optional<OldSecret> old_secret{};
  std::string name{};             // for people
  bool self_registering = false;  // may become an app instance by registering itself
  uint64_t token_generation = 0;  // of its tokens that count; raised to end all that were issued

  // The hash of the given secret if it is (still) the client's, or null. Takes the same time
  // whatever the secret.
  const SecretHash* matching(std::string_view secret, int64_t now_ms) const {
    const bool current = secret_hash.matches(secret);
    const bool former = old_secret && old_secret->hash.matches(secret);
    if (current) return &secret_hash;
    return former && now_ms < old_secret->valid_until_ms ? &old_secret->hash : nullptr;
  }
  // Tokens that were given for the secret with this fingerprint count
  // until then, Unix time in milliseconds; never: 0, for ever: INT64_MAX.
  int64_t honours_until_ms(std::string_view fingerprint) const {
    if (secret_hash.fingerprint() == fingerprint) return INT64_MAX;
    if (!old_secret || old_secret->hash.fingerprint() != fingerprint) return 0;
    return old_secret->valid_until_ms;
  }
};

class ClientStore {
 public:
  virtual ~ClientStore() = default;
  // Another number whenever find() or is_revoked() may give another answer than before. Called on
  // every authenticated request, by several threads at a time, as the two others are on many:
  // answer from memory.
  virtual uint64_t version() const = 0;
  virtual std::optional<Client> find(std::string_view client_id) const = 0;
  // Whether the token with that id (claim "jti") was revoked before its time.
  virtual bool is_revoked(std::string_view client_id, std::string_view token_id) const = 0;
  // Durable when it returns; forgotten at some time after `expires`, in seconds since 1970.
  // May revoke other tokens of that client too, where it revokes very many.
  virtual Result<void> revoke(const std::string& client_id, const std::string& token_id,
                              int64_t expires) = 0;
};

}  // namespace sluice::auth
