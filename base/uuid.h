// Random identifiers.
#pragma once

#include <string>

namespace sluice {

// A version 4 UUID (RFC 9562 §5.4) from the system's random numbers, which cannot be guessed:
// "0b7f1c9e-5d0a-4c3e-9a61-2f4d8e6b7a10".
std::string new_uuid();

}  // namespace sluice
