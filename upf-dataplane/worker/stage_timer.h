// Where a worker's time goes: cycles by stage, of one round in many so that asking costs nothing.
#pragma once

#include <x86intrin.h>

#include <array>
#include <cstdint>

#include "upf-dataplane/worker/counters.h"

namespace sluice::upf {

// Belongs to one worker.
class StageTimer {
 public:
  static constexpr uint32_t kEvery = 256;  // rounds; one is timed

  explicit StageTimer(StageCounters& counters) : counters_(counters) {}

  // A round begins.
  void begin() {
    is_timing_ = ++rounds_ % kEvery == 0;
    if (is_timing_) last_ = __rdtsc();
  }
  // What was done since begin() or the last lap() was `stage`.
  void lap(Stage stage) {
    if (!is_timing_) return;
    const uint64_t now = __rdtsc();
    cycles_[static_cast<size_t>(stage)] += now - last_;
    last_ = now;
  }
  // A round ends that had `packets`; one without tells nothing.
  void end(uint64_t packets) {
    if (!is_timing_) return;
    is_timing_ = false;
    if (packets > 0) {
      for (size_t i = 0; i < kStages; ++i) counters_.cycles[i].add(cycles_[i]);
      counters_.packets.add(packets);
    }
    cycles_ = {};
  }

 private:
  StageCounters& counters_;
  std::array<uint64_t, kStages> cycles_{};
  uint64_t last_ = 0;
  uint32_t rounds_ = 0;
  bool is_timing_ = false;
};

}  // namespace sluice::upf
