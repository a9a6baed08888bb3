#include "upf-dataplane/control/exceptions.h"

#include <algorithm>
#include <utility>

#include "upf-dataplane/packet/fragment.h"

namespace sluice::upf {

Exceptions::Exceptions(ControlPipeline& pipeline, Neighbours& neighbours, FrameSender& sender,
                       WorkerCounters& counters, const Clock& clock, Hold hold,
                       Signalling signalling)
    : pipeline_(pipeline),
      neighbours_(neighbours),
      sender_(sender),
      counters_(counters),
      hold_(std::move(hold)),
      signalling_(std::move(signalling)),
      reassembler_(ReassemblyLimits{}, clock, counters),
      tracker_(FragmentLimits{}, clock, counters,
               [this](PortIndex port, std::span<const uint8_t> frame, const FragmentPorts& ports) {
                 run(port, frame, &ports);
               }) {
  pipeline_.on_exception([this](const ExceptionFrame& frame) { handle(frame); });
}

Exceptions::~Exceptions() { pipeline_.on_exception({}); }

void Exceptions::handle(const ExceptionFrame& frame) {
  switch (frame.kind) {
    case Exception::kOuterFragment:
      if (const auto whole = reassembler_.add(frame.in_port, frame.bytes)) {
        run(frame.in_port, *whole, nullptr);
      }
      return;
    case Exception::kInnerFragment:
      return tracker_.add(frame.slot, frame.in_port, frame.bytes, frame.inner_offset);
    case Exception::kTooLong:
      return cut(frame);
    case Exception::kGtpuSignalling:
      return signalling_(frame.in_port, frame.bytes, frame.inner_offset);
  }
}

void Exceptions::run(PortIndex port, std::span<const uint8_t> frame, const FragmentPorts* ports) {
  const auto outcome = pipeline_.run(port, frame, nullptr, ports);
  if (outcome.verdict == Verdict::kHold) hold_(outcome.slot, outcome.pdr, port, frame, ports);
}

void Exceptions::cut(const ExceptionFrame& frame) {
  const uint32_t mtu = neighbours_.ports()[frame.out_port].mtu;
  auto pieces = cut_frame(frame.bytes, frame.inner_offset, mtu);
  if (pieces.empty()) {
    counters_.dropped[static_cast<size_t>(DropReason::kTooBig)].add(1);
    return;
  }
  // The neighbour is not known yet when the frame has no destination.
  const bool resolve =
      std::all_of(frame.bytes.begin(), frame.bytes.begin() + 6, [](uint8_t b) { return b == 0; });
  for (auto& piece : pieces) {
    if (resolve) {
      neighbours_.resolve_and_send(frame.out_port, std::move(piece));
    } else {
      sender_.send(frame.out_port, piece);
    }
  }
}

void Exceptions::tick() {
  reassembler_.expire();
  tracker_.expire();
}

}  // namespace sluice::upf
