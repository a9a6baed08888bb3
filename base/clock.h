// Time as a dependency: what needs the time takes a Clock, so that tests can turn it.
#pragma once

#include <chrono>

namespace sluice {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back; for intervals and expiry within one run.
  virtual std::chrono::steady_clock::time_point now() const = 0;
  // The time of day; for what outlives the process or is shown to people.
  virtual std::chrono::system_clock::time_point wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::now();
  }
};

// Stands still until advanced.
class ManualClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall() const override { return wall_; }
  void advance(std::chrono::nanoseconds by) {
    now_ += by;
    wall_ += by;
  }

 private:
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  std::chrono::system_clock::time_point wall_{
      std::chrono::sys_days{std::chrono::year(2026) / 1 / 1}};
};

}  // namespace sluice
