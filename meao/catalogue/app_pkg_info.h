// AppPkgInfo (MEC 010-2 §6.2.3.3) and the words in which the editions differ.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "meao/catalogue/package_record.h"

namespace sluice::meao {

// Which of the two resources a package is looked at by.
enum class Edition : uint8_t {
  k211,  // /app_packages/{appPkgId}
  k311,  // /onboarded_app_packages/{appDId}
};

// Path of the collection, "/app_pkgm/v1/app_packages".
std::string collection_path(Edition edition);
// Of one package; in edition 3.1.1 by its appDId, which is percent-encoded.
std::string package_path(Edition edition, const PackageRecord& record);

struct InfoContext {
  Edition edition = Edition::k311;
  std::string public_uri;                 // before the paths of links
  bool in_use = false;                    // usageState
  std::optional<uint64_t> received = {};  // octets of the content that have arrived, while they do
};

nlohmann::json app_pkg_info(const PackageRecord& record, const InfoContext& context);

}  // namespace sluice::meao
