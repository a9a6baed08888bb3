// Turns what a JSON Schema validator found into words for the author of the value.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::http {

// One step from a value to a member of it; an array index is its decimal digits.
using ValuePath = std::vector<std::string>;

// `keyword` is the schema keyword that the value at `path` violates, `subject` the attribute that
// is missing or unknown for "required" and "additionalProperties". `root` is the schema document,
// whose "$ref"s are local. The Error is kInvalidArgument with the field as "a.b[0].c".
Error explain_violation(const nlohmann::json& root, const nlohmann::json& value,
                        const ValuePath& path, std::string_view keyword, std::string_view subject,
                        std::string_view fallback_message);

}  // namespace sluice::http
