// TimeStamp of the MEC APIs (MEC 012 §6.5.3, MEC 013): seconds and nanoseconds since 1970 UTC.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"

namespace sluice::notify {

using WallTime = std::chrono::system_clock::time_point;

nlohmann::json time_stamp(WallTime time);

// {"seconds": 0..2^32-1, "nanoSeconds": 0..999999999}; the error names a member of `field`.
Result<WallTime> parse_time_stamp(const nlohmann::json& value, const std::string& field);

}  // namespace sluice::notify
