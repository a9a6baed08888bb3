// The packet path on the control thread: for packets that were buffered or reassembled.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "upf-dataplane/control/exception_frame.h"
#include "upf-dataplane/control/heap_copies.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

// Control thread only.
class ControlPipeline {
 public:
  using Ticks = std::function<uint64_t()>;

  // `counters` are this object's own; `ticks` is the time of the pipelines. All must outlive this.
  ControlPipeline(const SharedState& shared, WorkerCounters& counters, Neighbours& neighbours,
                  FrameSender& sender, Ticks ticks);

  // Who gets frames that are exceptions here too; none: they are lost. Called within run().
  void on_exception(std::function<void(const ExceptionFrame&)> handler) {
    exception_ = std::move(handler);
  }

  // A frame as it came by a port, for `session` alone when one is given; `ports` are those of a
  // fragment, when they are known. What is to be sent is sent. With Verdict::kHold the session in
  // `slot` buffers it.
  struct Outcome {
    Verdict verdict = Verdict::kPending;
    uint32_t slot = 0;
    uint16_t pdr = 0;
  };
  Outcome run(PortIndex port, std::span<const uint8_t> frame, const Session* session = nullptr,
              const FragmentPorts* ports = nullptr);

  // As Pipeline's.
  void record_usage(UsageRecorder* usage) { pipeline_.record_usage(usage); }

  // Slots whose URRs want attention because of what ran since the last call.
  std::vector<uint32_t> take_told() { return std::exchange(told_, {}); }

 private:
  void dispatch(const Packet& packet);

  Neighbours& neighbours_;
  FrameSender& sender_;
  Ticks ticks_;
  HeapCopies copies_;  // of the packet in hand
  Pipeline pipeline_;
  std::function<void(const ExceptionFrame&)> exception_;
  std::vector<uint32_t> told_;
};

}  // namespace sluice::upf
