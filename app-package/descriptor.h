// The application descriptor (AppD, MEC 010-2 §6.2.1) of a package.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "app-package/problems.h"
#include "base/digest.h"

namespace sluice::app_package {

// What the package says of its files, to hold the descriptor against.
struct PackagedFile {
  uint64_t size = 0;
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  std::string hash;  // of the manifest, lower case
};
using PackagedFiles = std::map<std::string, PackagedFile, std::less<>>;

struct Descriptor {
  nlohmann::json appd;  // as MEC 010-2 has it in JSON; arrays where 3.1.1 has arrays

  std::string text(const char* member) const { return appd.value(member, std::string()); }
};

// An item of appTrafficRule in the words of the platform (MEC 011), INACTIVE.
nlohmann::json platform_rule(const nlohmann::json& descriptor);

// Reads it from YAML: a TOSCA service template, one of whose node templates has the attributes of
// the AppD as its properties, or a document that has them at its top. Its traffic and DNS rules are
// read as the platform will read them. `metadata_required`: the template has to say its name,
// author and version, as that of a package without TOSCA-Metadata has (SOL004 §4.1.3). Everything
// that is missing, unknown or contradictory goes to `problems`, with its line.
std::optional<Descriptor> read_descriptor(const std::string& file, std::string_view text,
                                          bool metadata_required, const PackagedFiles& files,
                                          Problems& problems);

}  // namespace sluice::app_package
