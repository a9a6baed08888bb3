// Media types: what a client sends and what it is ready to receive.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// "application/json" of "Application/JSON; charset=utf-8": without parameters, lower case.
std::string media_type(std::string_view content_type);

// Whether an Accept header (RFC 9110 §12.5.1) admits one of `offers`. The most specific matching
// range decides, and q=0 excludes. Parts that are not media ranges are ignored; a header with no
// range at all admits everything, for a client that mumbles is better served than refused.
bool accepts(std::string_view accept, const std::vector<std::string>& offers);

}  // namespace sluice::http
