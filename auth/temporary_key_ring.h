// A key ring in a folder of its own, for tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "auth/key_ring.h"

namespace sluice::auth {

class TemporaryKeyRing {
 public:
  explicit TemporaryKeyRing(const Clock& clock, std::chrono::seconds max_age = {}) : clock_(clock) {
    std::string name = std::filesystem::temp_directory_path() / "sluice-keys-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    options_.directory = folder_ + "/token-keys";
    options_.single_key_file = folder_ + "/token-key.pem";
    options_.max_age = max_age;
  }
  ~TemporaryKeyRing() { std::filesystem::remove_all(folder_); }
  TemporaryKeyRing(const TemporaryKeyRing&) = delete;
  TemporaryKeyRing& operator=(const TemporaryKeyRing&) = delete;

  std::unique_ptr<KeyRing> open() const { return KeyRing::open(options_, clock_).value(); }
  KeyRingOptions& options() { return options_; }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(options_.directory), {}));
  }

 private:
  const Clock& clock_;
  std::string folder_;
  KeyRingOptions options_;
};

}  // namespace sluice::auth
