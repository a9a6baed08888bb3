// How many errors a worker may send, so that nobody makes the UPF a source of floods (RFC 1812
// §4.3.2.8, RFC 4443 §2.4 (f)).
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::upf {

// A token bucket of one worker.
class ErrorLimiter {
 public:
  static constexpr uint64_t kPerSecond = 1000;
  static constexpr uint64_t kBurst = 100;

  explicit ErrorLimiter(uint64_t ticks_per_second)
      : ticks_per_error_(std::max<uint64_t>(ticks_per_second / kPerSecond, 1)) {}

  // Whether another may be sent at `now`, in ticks; if so it counts as sent.
  bool take(uint64_t now) {
    paid_until_ = std::max(paid_until_, now);
    if (paid_until_ - now > ticks_per_error_ * (kBurst - 1)) return false;
    paid_until_ += ticks_per_error_;
    return true;
  }

 private:
  uint64_t ticks_per_error_;
  uint64_t paid_until_ = 0;  // runs ahead of the time by what was sent lately
};

}  // namespace sluice::upf
