// MEC rules whose conditions go beyond the user's packet: on the tunnel that carries it.
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

struct MappedAddress {
  uint8_t bytes[16] = {};
  MappedAddress(const void* wire, bool is_v6) {
    if (is_v6) {
      std::memcpy(bytes, wire, 16);
    } else {
      bytes[10] = bytes[11] = 0xff;
      std::memcpy(bytes + 12, wire, 4);
    }
  }
};

// Of a frame that has been found to carry GTP-U.
FlowKey received_tunnel(const uint8_t* frame) {
  const uint8_t* ip = frame + sizeof(EthernetHeader);
  const bool is_v6 = ip[0] >> 4 == 6;
  const auto* v4 = reinterpret_cast<const Ipv4Header*>(ip);
  const auto* v6 = reinterpret_cast<const Ipv6Header*>(ip);
  const auto* udp =
      reinterpret_cast<const UdpHeader*>(ip + (is_v6 ? sizeof(Ipv6Header) : v4->header_bytes()));
  const MappedAddress source(is_v6 ? static_cast<const void*>(v6->source) : &v4->source, is_v6);
  const MappedAddress destination(
      is_v6 ? static_cast<const void*>(v6->destination) : &v4->destination, is_v6);
  return tunnel_key(source.bytes, destination.bytes, udp->source_port, udp->destination_port);
}

}  // namespace

void Pipeline::match_tunnel(Work& work) const {
  if (work.pdr == kNoPdr) return;
  const FlowKey key = rule_key(work.key, work.session->network());
  if (work.key.direction() == Direction::kUplink) {
    work.rule =
        steering_->tunnelled_uplink.find(key, received_tunnel(work.packet->data), work.rule);
    return;
  }
  // The tunnel that the packet will leave in.
  const CompiledPdr& pdr = work.session->downlink_pdr(work.pdr);
  if (!pdr.encapsulate) return;
  const Port& port = forwarding_->ports[pdr.out_port];
  if (is_of_wire(port.role)) {
    const LearnedTunnel* tunnel = shared_.learned->at(work.session->slot());
    if (tunnel == nullptr) return;
    work.rule = steering_->tunnelled_downlink.find(
        key,
        tunnel_key(tunnel->owner.core.data(), tunnel->downlink.address.data(), kGtpuPort,
                   kGtpuPort),
        work.rule);
    return;
  }
  const MappedAddress own(pdr.peer_is_v6 ? port.own_v6() : port.own_v4(), pdr.peer_is_v6);
  const MappedAddress peer(pdr.peer, pdr.peer_is_v6);
  work.rule = steering_->tunnelled_downlink.find(
      key, tunnel_key(own.bytes, peer.bytes, kGtpuPort, kGtpuPort), work.rule);
}

}  // namespace sluice::upf
