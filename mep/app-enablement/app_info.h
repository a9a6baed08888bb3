// AppInfo (MEC 011 §7.1.2.6): how an app instance registers itself. What the schema of
// api-specs/mec_app_support.yaml cannot say is checked here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/error.h"

namespace sluice::mep {

// Who registers, as the platform knows it.
struct Registrant {
  // The instance that the client is; none before an app that registers itself has done so.
  std::optional<std::string> app_instance_id;
  // The name in the package of an instance that was provisioned; none for one that was not.
  std::optional<std::string> provisioned_name;
};

// `body` as it is kept: members of the standard only, isInsByMec always there. kInvalidArgument
// names the member that is wrong, kPermissionDenied that of another instance. `body` conforms to
// the schema.
Result<nlohmann::json> read_app_info(const nlohmann::json& body, const Registrant& registrant);

}  // namespace sluice::mep
