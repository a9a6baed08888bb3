#include "upf-dataplane/control/control_pipeline.h"

#include "upf-dataplane/control/roomy_frame.h"

namespace sluice::upf {
namespace {

constexpr size_t kMaxCopies = 16;    // of one packet
constexpr size_t kCachedFlows = 64;  // what comes here is rare; nothing is worth remembering

}  // namespace

ControlPipeline::ControlPipeline(const SharedState& shared, WorkerCounters& counters,
                                 Neighbours& neighbours, FrameSender& sender, Ticks ticks)
    : neighbours_(neighbours),
      sender_(sender),
      ticks_(std::move(ticks)),
      copies_(kMaxCopies),
      pipeline_(shared, counters, kCachedFlows, &copies_) {}

ControlPipeline::Outcome ControlPipeline::run(PortIndex port, std::span<const uint8_t> frame,
                                              const Session* session, const FragmentPorts* ports) {
  RoomyFrame copy_of_frame(port, frame);
  Packet& packet = copy_of_frame.packet();
  if (ports != nullptr) {
    pipeline_.process_fragment(packet, ticks_(), session, *ports);
  } else {
    pipeline_.process({&packet, 1}, ticks_(), session);
  }
  for (const WorkerEvent& event : pipeline_.events()) told_.push_back(event.slot);
  copies_.each([this](const Packet& copy) { dispatch(copy); });
  copies_.clear();
  dispatch(packet);
  return {packet.verdict, packet.slot, packet.pdr};
}

void ControlPipeline::dispatch(const Packet& packet) {
  switch (packet.verdict) {
    case Verdict::kSend:
      sender_.send(packet.out_port, Frame(packet.data, packet.data + packet.length));
      break;
    case Verdict::kPuntResolve:
      neighbours_.resolve_and_send(packet.out_port,
                                   Frame(packet.data, packet.data + packet.length));
      break;
    case Verdict::kException:
      if (exception_) {
        exception_({.kind = packet.exception,
                    .in_port = packet.in_port,
                    .out_port = packet.out_port,
                    .inner_offset = packet.pdr,
                    .slot = packet.slot,
                    .bytes = packet.bytes()});
      }
      break;
    default:
      break;
  }
}

}  // namespace sluice::upf
