// YAML read as the JSON value it stands for (YAML 1.2 core schema), for OpenAPI documents.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace sluice::http {

// Only for documents of our own: aliases are expanded without a bound.
Result<nlohmann::json> yaml_to_json(std::string_view yaml);

}  // namespace sluice::http
