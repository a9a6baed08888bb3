// SHA-256 and SHA-512 of what comes in pieces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_md_ctx_st;

namespace sluice {

// The two that everybody still uses; of their names in standards see parse_hash_algorithm().
enum class HashAlgorithm : unsigned char { kSha256, kSha512 };

// "SHA-256", "sha256" and the like; nothing for any other.
std::optional<HashAlgorithm> parse_hash_algorithm(std::string_view name);
std::string_view to_string(HashAlgorithm algorithm);  // "SHA-256"
size_t hex_size(HashAlgorithm algorithm);             // digits of a hash

// Hexadecimal digits in lower case; nothing when it has others or not as many as the algorithm's.
std::optional<std::string> parse_hash(HashAlgorithm algorithm, std::string_view text);

class Digest {
 public:
  explicit Digest(HashAlgorithm algorithm);
  void update(std::string_view bytes);
  std::string hex();  // once, after the last update()

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of the content of a file. kUnavailable when it cannot be read.
Result<std::string> digest_of_file(const std::string& path, HashAlgorithm algorithm);

}  // namespace sluice
