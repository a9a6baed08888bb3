// An app package (CSAR, SOL004) as a whole: everything that has to hold before it is onboarded.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "app-package/descriptor.h"
#include "app-package/package_archive.h"
#include "app-package/signature.h"

namespace sluice::app_package {

enum class SignaturePolicy : unsigned char {
  kRequired,   // every package is signed by somebody trusted
  kIfPresent,  // a signature that is there has to be good
  kIgnored,    // hashes alone are checked
};

struct ReaderOptions {
  ArchiveLimits archive = {};
  uint64_t max_inner = 8ULL << 30;  // octets of a package in an outer archive
  SignaturePolicy signature = SignaturePolicy::kRequired;
  // Needed unless signatures are ignored. Read for each package: what was revoked since counts.
  TrustFiles trust = {};
};

struct PackageContent {
  Descriptor descriptor;
  std::string descriptor_path;
  std::string descriptor_text;  // YAML, as it is in the package
  PackagedFiles files;          // all that the manifest lists
  std::optional<Signer> signer;
};

// Reads the package in the file `archive`, or says in `problems` everything that is wrong with it:
//
// - its form: TOSCA-Metadata/TOSCA.meta names the descriptor and the manifest, or the root has one
//   YAML file and a manifest of the same name (SOL004 §4.1);
// - its files: exactly those that the manifest lists, each with its hash (§4.3);
// - its signature: in the manifest (§5.2, option 1), or of the whole package, which is then a file
//   in an outer archive beside the signature (option 2), and not much larger than that;
// - its descriptor, if signature and hashes are good: see read_descriptor().
//
// Where something else is in the way (no trust to be had, no room for the scratch file) `problems`
// has an obstacle, and what else is in it may be for want of that. `scratch` is a file that may be
// made and overwritten, and is gone afterwards. Nothing is returned when `stop` becomes true, with
// or without problems.
std::optional<PackageContent> read_package(const std::string& archive, const std::string& scratch,
                                           const ReaderOptions& options,
                                           std::chrono::system_clock::time_point now,
                                           const std::atomic<bool>& stop, Problems& problems);

// Unpacks the one file of a package that read_package() has accepted, from within its outer archive
// if it is in one, to `to`; `to` + ".outer" is overwritten and gone afterwards. kUnavailable when
// there is no room, or `stop` became true; kInternal when the package has changed since.
Result<void> unpack_file(const std::string& archive, const std::string& path, const std::string& to,
                         const ArchiveLimits& limits, const std::atomic<bool>& stop);

}  // namespace sluice::app_package
