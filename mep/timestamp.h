// Times as our own APIs write them.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::mep {

// RFC 3339 in UTC with milliseconds: "2026-01-01T00:00:00.000Z".
std::string timestamp(int64_t unix_ms);

}  // namespace sluice::mep
