// The tokens whose signature was found good, and who held them when they were last seen: checking a
// signature costs more than all the rest of a request.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/scopes.h"
#include "base/http/message.h"

namespace sluice::auth {

// What a token whose signature is good says.
struct VerifiedToken {
  std::string client_id;
  std::string token_id;
  int64_t expires = 0;  // seconds since 1970
  Scopes scopes;
  std::string credential;  // fingerprint of the secret that the token was given for
  uint64_t generation = 0;
  std::string key_id;
};

// All members may be called by several threads at a time.
class TokenCache {
 public:
  // Who the holder is, as long as nobody has changed what that was found by.
  struct Holder {
    http::PrincipalPtr principal;
    uint64_t clients = 0;  // ClientStore::version()
    uint64_t keys = 0;     // KeyRing::version()
    int64_t until_ms = 0;  // Unix time
  };

  // Keeps at most about `max_tokens`, those used last.
  explicit TokenCache(size_t max_tokens);

  std::optional<Holder> holder(std::string_view token) const;
  std::shared_ptr<const VerifiedToken> find(std::string_view token) const;  // null: not known

  void remember(std::string_view token, std::shared_ptr<const VerifiedToken> verified);
  void set_holder(std::string_view token, Holder holder);  // of a token that is remembered

 private:
  static constexpr size_t kShards = 16;  // so that workers seldom meet at one lock

  struct Known {
    std::string token;
    std::shared_ptr<const VerifiedToken> verified;
    Holder holder;
  };
  // Of the end of the signature, which nobody can choose; all of a token is compared afterwards.
  struct EndHash {
    size_t operator()(std::string_view token) const noexcept {
      constexpr size_t kEnd = 24;
      return std::hash<std::string_view>()(
          token.substr(token.size() - std::min(token.size(), kEnd)));
    }
  };
  struct Shard {
    std::mutex mutex;
    std::list<Known> recent;  // the one used last first
    std::unordered_map<std::string_view, std::list<Known>::iterator, EndHash> by_token;

    Known* use(std::string_view token);  // null: not known
  };
  Shard& shard_of(std::string_view token) const { return shards_[EndHash()(token) % kShards]; }

  const size_t max_in_shard_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace sluice::auth
