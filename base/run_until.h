// For tests of what an event loop runs.
#pragma once

#include <chrono>
#include <functional>

#include "base/event_loop.h"

namespace sluice {

// Runs the loop until `done`, 20 s at the most; false when it never was.
[[nodiscard]] inline bool run_until(EventLoop& loop, const std::function<bool()>& done) {
  for (int turns = 0; turns < 2000; ++turns) {
    if (done()) return true;
    loop.run_once(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace sluice
