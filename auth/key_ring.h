// The keys of the platform's access tokens: one signs, older ones still verify until the last token
// that they signed has expired (rotation without downtime).
//
// Each key is a file NUMBER-CREATED-LIFETIME.pem in a directory of its own, CREATED in seconds
// since 1970 and LIFETIME in seconds, that of the tokens it signs. The highest number signs; a key
// retires when its successor was created. So the directory says everything, and one link(2) makes a
// rotation: a crash at any moment leaves it done or not begun.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/signing_key.h"
#include "base/clock.h"
#include "base/error.h"

namespace sluice::auth {

struct KeyRingOptions {
  std::string directory;  // made with mode 0700 when missing
  // A key of an older version of this program, taken over as the first one; may be absent.
  std::string single_key_file;
  std::chrono::seconds token_lifetime{600};
  std::chrono::seconds max_age{90 * 86'400};  // of the signing key; zero: until asked
};

// Where every program has its keys: below the directory of its state.
KeyRingOptions key_ring_in(const std::string& state_directory, std::chrono::seconds token_lifetime,
                           std::chrono::seconds max_age);

struct RingKey {
  std::shared_ptr<const SigningKey> key;
  uint64_t number = 0;
  int64_t created = 0;             // seconds since 1970
  int64_t token_lifetime = 0;      // seconds
  std::optional<int64_t> retires;  // when the last of its tokens has expired; none: it signs
};

// All members may be called by several threads at a time.
class KeyRing {
 public:
  // Reads the directory; makes the first key when it is empty, and a new one when the configured
  // lifetime is not that of the newest key. Anything unreadable in it is an error that names it.
  // `clock` must outlive the ring.
  static Result<std::unique_ptr<KeyRing>> open(KeyRingOptions options, const Clock& clock);

  using Keys = std::vector<RingKey>;         // newest first, never empty
  std::shared_ptr<const Keys> keys() const;  // as of now
  std::shared_ptr<const SigningKey> signing() const { return keys()->front().key; }
  std::shared_ptr<const SigningKey> find(std::string_view key_id) const;  // null: not ours
  uint64_t version() const { return version_; }  // another number whenever the keys have changed

  enum class Old : uint8_t { kKeep, kDrop };
  // From its return on a new, durable key signs. kDrop ends all tokens that were ever issued: for
  // when a key became known to others. On an error of kDrop the old keys verify no more, but files
  // of them may be there still, and a restart would take them in: kDrop again.
  Result<void> rotate(Old old);

  // Rotates when the signing key has reached its age, and removes keys that have retired. To be
  // called now and then.
  Result<void> maintain();

  // {"keys": [...]}: what verifiers need (RFC 7517 §5), newest first.
  nlohmann::json jwks() const;

 private:
  KeyRing(KeyRingOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}
  Result<void> load();
  Result<void> remove_files(std::span<const RingKey> keys) const;
  Result<void> add_key(Keys& keys, const SigningKey* existing = nullptr);
  void publish(Keys keys);
  int64_t seconds() const;
  std::string path_of(const RingKey& key) const;

  const KeyRingOptions options_;
  const Clock& clock_;
  std::mutex writer_;  // held through a rotation
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;
  std::atomic<uint64_t> version_{0};
};

}  // namespace sluice::auth
