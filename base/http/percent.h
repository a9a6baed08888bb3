// Percent-encoding of URI components (RFC 3986 §2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

// In a query a "+" stands for a space (HTML forms); in a path it is itself.
enum class PlusIs { kItself, kSpace };

// Nothing for a "%" without two hex digits, and for an encoded NUL, which no name of ours contains
// and which would end a C string early.
std::optional<std::string> percent_decode(std::string_view text, PlusIs plus);

// Encodes everything but the unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace sluice::http
