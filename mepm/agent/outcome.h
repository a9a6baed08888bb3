// What became of a step for an app instance.
#pragma once

#include <chrono>
#include <optional>

#include "mepm/agent/agent.h"

namespace sluice::mepm {

struct Agent::Outcome {
  enum class Kind : uint8_t { kDone, kWait, kAway, kLater, kFailed, kLost } kind = Kind::kDone;
  std::string problem = {};
  std::chrono::milliseconds delay{0};  // of kWait
  // To be stored with it, also where the phase stays; empty ones: those that there are are no good.
  std::optional<AppCredentials> credentials = {};

  // Of a call: what cannot be reached is kAway and tried for ever, what may pass kLater and tried
  // some times, anything else kFailed.
  static Outcome of(const Result<void>& done) {
    if (done) return {};
    const auto code = done.error().code;
    const auto kind = code == ErrorCode::kUnavailable ? Kind::kAway
                      : code == ErrorCode::kInternal  ? Kind::kLater
                                                      : Kind::kFailed;
    return {.kind = kind, .problem = done.error().to_string()};
  }
};

}  // namespace sluice::mepm
