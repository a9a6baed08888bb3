// JSON from outside: bounded, and with errors that say where.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace sluice::http {

struct JsonLimits {
  size_t max_depth = 32;        // of arrays and objects in each other
  size_t max_values = 500'000;  // of all kinds, together
};

// Parses one JSON value. kInvalidArgument with "line:column" when the text is not JSON (RFC 8259,
// UTF-8 included), when it exceeds the limits, when an object has a name twice (which of the two
// counts would be anybody's guess), or when a text has a NUL in it (how long it is would be, too).
Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace sluice::http
