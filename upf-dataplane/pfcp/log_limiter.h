// How many lines of one kind a log takes: what a peer can cause must not fill a disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::upf::pfcp {

// Lets `kLinesPerSecond` lines through in each second and counts the others.
class LogLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr unsigned kLinesPerSecond = 10;

  // Nullopt: leave this line out. Otherwise write it; the value is how many were left out since the
  // last that was written.
  std::optional<uint64_t> admit(TimePoint now) {
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      written_ = 0;
    }
    if (written_ == kLinesPerSecond) {
      ++left_out_;
      return std::nullopt;
    }
    ++written_;
    return std::exchange(left_out_, 0);
  }

 private:
  TimePoint second_;  // when the current one began
  unsigned written_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace sluice::upf::pfcp
