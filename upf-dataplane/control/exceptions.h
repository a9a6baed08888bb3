// What workers hand over because it takes memory or time: fragments, packets to be cut, and GTP-U
// signalling.
#pragma once

#include <functional>

#include "upf-dataplane/control/control_pipeline.h"
#include "upf-dataplane/control/fragment_tracker.h"
#include "upf-dataplane/control/reassembler.h"

namespace sluice::upf {

// Control thread only.
class Exceptions {
 public:
  // A frame that the session in a slot buffers, with a fragment's ports when they are known; a
  // GTP-U message that begins at an offset of a frame.
  using Hold = std::function<void(uint32_t slot, uint16_t pdr, PortIndex,
                                  std::span<const uint8_t> frame, const FragmentPorts*)>;
  using Signalling =
      std::function<void(PortIndex, std::span<const uint8_t> frame, size_t gtp_offset)>;

  // `counters` are the control thread's own. Takes over pipeline.on_exception(). All must outlive
  // this.
  Exceptions(ControlPipeline& pipeline, Neighbours& neighbours, FrameSender& sender,
             WorkerCounters& counters, const Clock& clock, Hold hold, Signalling signalling);
  Exceptions(const Exceptions&) = delete;
  Exceptions& operator=(const Exceptions&) = delete;
  ~Exceptions();

  void handle(const ExceptionFrame& frame);
  // Gives up what has waited for too long; call it often.
  void tick();

  const Reassembler& reassembler() const { return reassembler_; }
  const FragmentTracker& tracker() const { return tracker_; }

 private:
  void run(PortIndex port, std::span<const uint8_t> frame, const FragmentPorts* ports);
  void cut(const ExceptionFrame& frame);

  ControlPipeline& pipeline_;
  Neighbours& neighbours_;
  FrameSender& sender_;
  WorkerCounters& counters_;
  Hold hold_;
  Signalling signalling_;
  Reassembler reassembler_;
  FragmentTracker tracker_;
};

}  // namespace sluice::upf
