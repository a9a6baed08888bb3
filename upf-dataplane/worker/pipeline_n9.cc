// Tunnels between UPFs (N9) and the copies that N4 asks for (DUPL, TS 29.244 §5.2.1).
#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

// A packet to the UE, although it came by a tunnel: back through an uplink classifier, or from the
// PDU session's anchor.
void Pipeline::come_from_core(Work& work) {
  if (work.key.direction() != Direction::kUplink) return;
  work.key.set_direction(Direction::kDownlinkCore);
  work.key.bits |= FlowKey::kTunnelled;
}

// On towards another UPF, or by UDP/IP into a data network, with the QFI that the packet came with
// unless a QER says another.
void Pipeline::send_to_upf(Work& work, const CompiledPdr& pdr) {
  Packet& packet = *work.packet;
  const NextHop hop = shared_.next_hops.get(pdr.peer_hop);
  if (!hop.reachable()) return drop(packet, DropReason::kNoNextHop);
  const Port& port = forwarding_->ports[pdr.out_port];
  const TunnelHeader tunnel{
      .source = pdr.peer_is_v6 ? port.own_v6() : port.own_v4(),
      .destination = pdr.peer,
      .is_v6 = pdr.peer_is_v6,
      .teid = pdr.peer_teid,
      .has_qfi = pdr.has_qfi_mark || (work.key.bits & FlowKey::kHasQfi) != 0,
      .qfi = pdr.has_qfi_mark ? pdr.qfi_mark : work.key.qfi,
      .tos = pdr.mark_tos,
      .is_uplink = true,
      .udp_port = pdr.extras != 0 ? work.session->extras(pdr).udp_port : uint16_t{0}};
  if (!encapsulate(packet, tunnel)) return drop(packet, DropReason::kNoRoom);
  send_ethernet(packet, hop, pdr.peer_is_v6, &work);
}

// Copies of the user's packet as it came, before any hop.
void Pipeline::duplicate(const Work& work, const CompiledPdr& pdr) {
  Packet inner = *work.packet;
  inner.trim_front(work.inner_offset);
  inner.truncate(work.layout.total_bytes);
  for (const CompiledCopy& to : work.session->extras(pdr).copies) {
    Packet* copy = take_copy(inner);
    if (copy == nullptr) continue;
    const NextHop hop = shared_.next_hops.get(to.hop);
    if (!hop.reachable()) {
      drop(*copy, DropReason::kNoNextHop);
      continue;
    }
    const Port& port = forwarding_->ports[to.out_port];
    const TunnelHeader tunnel{.source = to.is_v6 ? port.own_v6() : port.own_v4(),
                              .destination = to.peer,
                              .is_v6 = to.is_v6,
                              .teid = to.teid,
                              .tos = to.tos};
    if (encapsulate(*copy, tunnel)) {
      send_ethernet(*copy, hop, to.is_v6, nullptr);
    } else {
      drop(*copy, DropReason::kNoRoom);
    }
  }
}

// Of a packet that is not forwarded; one that is buffered is copied when it leaves.
void Pipeline::duplicate_dropped(const Work& work, const CompiledPdr& pdr) {
  if ((pdr.special & CompiledPdr::kBuffers) == 0) duplicate(work, pdr);
}

}  // namespace sluice::upf
