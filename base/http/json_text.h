// JSON from outside: bounded, and with errors that say where.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace sluice::http {

// Parses one JSON value. kInvalidArgument with "line:column" when the text is not JSON (RFC 8259,
// UTF-8 included), when arrays and objects nest deeper than `max_depth`, or when an object has a
// name twice (which of the two counts would be anybody's guess).
Result<nlohmann::json> parse_json(std::string_view text, size_t max_depth);

}  // namespace sluice::http
