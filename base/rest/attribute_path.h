// The names by which MEC 009 §6.18, §6.19 and NFV-SOL 013 §5.2, §5.3 address members of a
// representation: "trafficFilter/dstAddress".
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::rest {

// From the representation downwards; never empty. Arrays on the way have no name of their own: a
// path goes through all their elements.
using AttributePath = std::vector<std::string>;

inline constexpr size_t kMaxPathDepth = 8;

// As the last name of a filter's path: the names of the members there, for maps (SOL 013 §5.2.2).
inline constexpr std::string_view kMapKeys = "@key";
// How an AttributePath holds it, apart from a member that is really called so ("~bkey").
inline constexpr char kMapKeysMarker = '\0';

// Splits at "/" and undoes the escapes ~0 "~", ~1 "/", ~a "," and ~b "@" of each name.
// kInvalidArgument for an empty name, another "~", and more than kMaxPathDepth names.
Result<AttributePath> parse_attribute_path(std::string_view text);

// Visits what the path leads to, until `visit` returns true: simple values, objects, and the
// elements of arrays, however many there are. Returns whether a visit did.
bool any_at(const nlohmann::json& value, const AttributePath& path,
            const std::function<bool(const nlohmann::json&)>& visit);

// The same for a value that is JSON text, as nlohmann writes it without blanks: nothing is parsed
// but what the path leads to. Objects there are not visited. False for text that is not JSON as far
// as it had to be read.
bool any_in_text(std::string_view text, const AttributePath& path,
                 const std::function<bool(const nlohmann::json&)>& visit);

}  // namespace sluice::rest
