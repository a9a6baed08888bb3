// A packet capture that an operator asked for: frames from the workers to a pcapng stream, until a
// limit is reached or nobody reads any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "upf-dataplane/control/capture_sink.h"
#include "upf-dataplane/control/ctl_question.h"
#include "upf-dataplane/worker/capture_tap.h"

namespace sluice::upf {

// Control thread only.
class Capture {
 public:
  // `port_names` by PortIndex; `ticks` is the workers' time. All must outlive this.
  Capture(CaptureTap& tap, std::vector<std::string> port_names, const Clock& clock,
          std::function<uint64_t()> ticks, uint64_t ticks_per_second);
  ~Capture() { stop(); }

  // From the next poll() on writes to `sink`, which has to live until finish() is called on it or
  // stop() was called. kConflict when a capture is running.
  Result<void> begin(const FrameFilter& filter, const CaptureLimits& limits, CaptureSink& sink);
  // Writes what was captured; ends at a limit. Call it often.
  void poll();
  // The reader is gone: finish() is not called.
  void stop();
  bool is_running() const { return sink_ != nullptr; }

 private:
  void write(const CapturedFrame& frame);
  bool put(const std::string& block);
  void complete();
  std::chrono::nanoseconds wall(uint64_t ticks) const;

  CaptureTap& tap_;
  std::vector<std::string> port_names_;
  const Clock& clock_;
  std::function<uint64_t()> ticks_;
  uint64_t ticks_per_second_;
  CaptureSink* sink_ = nullptr;
  CaptureLimits limits_;
  bool is_begun_ = false;  // the head is written
  std::chrono::steady_clock::time_point ends_;
  uint64_t began_ticks_ = 0;
  std::chrono::nanoseconds began_wall_{};
  uint64_t packets_ = 0;
  uint64_t bytes_ = 0;
  uint64_t lost_ = 0;  // for want of room in the sink
};

}  // namespace sluice::upf
