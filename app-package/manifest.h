// The manifest of a package: the hash of every file, and the signature over all of it (SOL004
// §4.3.2, §5.2).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app-package/problems.h"
#include "base/digest.h"

namespace sluice::app_package {

struct ManifestEntry {
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  std::string hash;  // lower case
  int line = 0;
};

struct Manifest {
  std::string path;                              // of the manifest itself
  std::map<std::string, std::string> metadata;   // "app_product_name" and the like
  std::map<std::string, ManifestEntry> entries;  // by path
  size_t signed_size = 0;                        // octets before the signature: what it covers
  std::string signature;                         // PEM; empty: none

  // Reads it; what is wrong with it goes to `problems`.
  static Manifest read(std::string path, std::string_view text, Problems& problems);
};

}  // namespace sluice::app_package
