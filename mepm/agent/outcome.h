// What became of a step for an app instance.
#pragma once

#include <chrono>
#include <optional>

#include "mepm/agent/agent.h"

namespace sluice::mepm {

struct Agent::Outcome {
  enum class Kind : uint8_t { kDone, kWait, kLater, kFailed, kLost } kind = Kind::kDone;
  std::string problem = {};
  std::chrono::milliseconds delay{0};              // of kWait
  std::optional<AppCredentials> credentials = {};  // new ones, to be stored with it

  // Of a call: an error that may pass is kLater, another one kFailed.
  static Outcome of(const Result<void>& done) {
    if (done) return {};
    const auto code = done.error().code;
    const bool passes = code == ErrorCode::kUnavailable || code == ErrorCode::kInternal;
    return {.kind = passes ? Kind::kLater : Kind::kFailed, .problem = done.error().to_string()};
  }
};

}  // namespace sluice::mepm
