// What the UPF answers a UE of its own: packets that did not come by any port.
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

// The downlink PDR for a packet that answers what `uplink` detected; `work` has the answer's key.
int Pipeline::match_reply(Work& work, const CompiledPdr& uplink) {
  const Session& session = *work.session;
  work.key.origin = uplink.out_port;
  int pdr = session.match_downlink(work.key, uplink.out_port);
  if (pdr >= 0 || !uplink.encapsulate) return pdr;
  // Towards another UPF (N9): as if the answer came back by its tunnel.
  work.key.bits |= FlowKey::kTunnelled;
  for (const CompiledPdr& downlink : session.downlink_pdrs()) {
    if (downlink.teid == 0) continue;
    work.key.origin = downlink.teid;
    pdr = session.match_downlink(work.key, uplink.out_port);
    if (pdr >= 0) break;
  }
  return pdr;
}

void Pipeline::reply_to_ue(Work& work, const FlowKey& reply_key, Answer kind) {
  Packet& packet = *work.packet;
  const CompiledPdr& uplink = work.session->uplink_pdr(work.pdr);
  work.key = reply_key;
  // It is just the packet by now, and no rule that was for the uplink decides about it.
  work.inner_offset = 0;
  work.rule = kNoRank;
  work.key.set_direction(Direction::kDownlinkCore);
  work.layout.total_bytes = static_cast<uint16_t>(packet.length);
  const int pdr = match_reply(work, uplink);
  if (pdr < 0) return drop(packet, DropReason::kNoPdr);
  const CompiledPdr& downlink = work.session->downlink_pdr(static_cast<size_t>(pdr));
  if (!downlink.gate_open) return drop(packet, DropReason::kGateClosed);
  if (!downlink.forward || !downlink.encapsulate) return drop(packet, DropReason::kFarDrop);
  if (downlink.special != 0 && !admit(work, downlink)) return;
  counters_.sessions[work.session->slot()].downlink.add(packet.length);
  send_into_tunnel(work, downlink);
  if (packet.verdict == Verdict::kSend) answered(packet, kind);
}

}  // namespace sluice::upf
