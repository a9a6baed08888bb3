// Packets between a UE and the CP function, by way of GTP-U (TS 29.244 §5.3.2 and §5.3.3: data
// forwarding between CP and UP functions): router discovery and DHCPv6, which the SMF answers. They
// are of the UE's link: they lose no hop, and no MEC rule has a say.
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {

void Pipeline::without_pdr(Work& work) {
  if (work.key.direction() != Direction::kUplink) return drop(*work.packet, DropReason::kNoPdr);
  const auto port = work.packet->in_port;
  const auto* to_cp = work.session->match_to_cp(work.key, work.key.origin, port);
  if (to_cp != nullptr) {
    if (!to_cp->gate_open) return drop(*work.packet, DropReason::kGateClosed);
    if (!to_cp->forward) return not_forwarded(work, *to_cp);
    return send_to_cp(work, *to_cp);
  }
  const auto* from_cp = work.session->match_from_cp(work.key, work.key.origin, port);
  if (from_cp == nullptr) return drop(*work.packet, DropReason::kNoPdr);
  if (!from_cp->gate_open) return drop(*work.packet, DropReason::kGateClosed);
  if (!from_cp->forward) return not_forwarded(work, *from_cp);
  work.key.set_direction(Direction::kDownlinkCore);  // as which it is counted and metered
  if (!admit(work, *from_cp)) return;
  counters_.sessions[work.session->slot()].downlink.add(work.layout.total_bytes);
  strip_tunnel(work);
  send_into_tunnel(work, *from_cp);
}

void Pipeline::send_to_cp(Work& work, const CompiledPdr& pdr) {
  if (!admit(work, pdr)) return;
  counters_.sessions[work.session->slot()].uplink.add(work.layout.total_bytes);
  strip_tunnel(work);
  send_into_tunnel(work, pdr);
}

}  // namespace sluice::upf
