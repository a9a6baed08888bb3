// Base64 (RFC 4648): the URL-safe alphabet without padding of JWTs (§5), and the classic one of
// HTTP Basic authentication (§4).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

std::string base64url(std::span<const uint8_t> bytes);
std::string base64url(std::string_view bytes);

// Strict: one text for each value. Nothing for foreign characters, padding, an impossible length or
// stray bits at the end.
std::optional<std::vector<uint8_t>> from_base64url(std::string_view text);

// The classic alphabet; padding is optional.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace sluice::auth
