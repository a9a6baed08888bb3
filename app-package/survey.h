// The first look into a package: which files there are, and the texts that say what they are for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app-package/package_archive.h"

namespace sluice::app_package {

struct Survey {
  std::map<std::string, uint64_t, std::less<>> sizes;     // of all files
  std::map<std::string, std::string, std::less<>> texts;  // what small files of known kinds hold

  const std::string* text(std::string_view path) const;
  std::vector<std::string> in_root(std::initializer_list<std::string_view> extensions) const;
};

// Nothing when the archive could not be read.
std::optional<Survey> survey(const std::string& archive, const ArchiveLimits& limits,
                             Problems& problems);

// Which file of a package plays which part; no file plays two.
struct Parts {
  std::string meta;         // TOSCA.meta; empty: there is none
  std::string descriptor;   // Entry-Definitions
  std::string manifest;     // ETSI-Entry-Manifest
  std::string certificate;  // ETSI-Entry-Certificate; empty: none, or in the signature
};
std::optional<Parts> find_parts(const Survey& survey, Problems& problems);

// Of a package that is signed as a whole (SOL004 §5.1, option 2).
struct Envelope {
  std::string package;      // the file that is the package itself
  std::string signature;    // over it
  std::string certificate;  // empty: in the signature
};
// Nothing when the archive is the package itself.
std::optional<Envelope> find_envelope(const Survey& survey, Problems& problems);

}  // namespace sluice::app_package
