// What the pipeline cannot pass on, and who is told: ICMP errors to the sender of a user's packet,
// GTP-U errors to the peer of a tunnel. Errors are made in place and limited in number; what none
// is sent about counts as dropped.
#include <algorithm>

#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/hops.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);
constexpr size_t kV4Offset = 12;  // of an IPv4 address within its mapped form

Answer answer_for(IcmpError error) {
  return error == IcmpError::kTooBig ? Answer::kIcmpTooBig : Answer::kIcmpTimeExceeded;
}

const uint8_t* own_address(const Port& port, bool is_v6) {
  return is_v6 ? port.own_v6() : port.own_v4();
}

// The address that errors to UEs come from: that of the port their packets leave by, which belongs
// to the network they see, or else any of the family.
const uint8_t* address_for_ues(const ForwardingTable& forwarding, PortIndex out_port, bool is_v6) {
  if (const uint8_t* own = own_address(forwarding.ports[out_port], is_v6)) return own;
  for (const Port& port : forwarding.ports) {
    if (const uint8_t* own = own_address(port, is_v6)) return own;
  }
  return nullptr;
}

void set_address(uint8_t* mapped, const uint8_t* wire, bool is_v6) {
  std::memcpy(mapped + (is_v6 ? 0 : kV4Offset), wire, is_v6 ? 16 : 4);
}

}  // namespace

void Pipeline::no_hop_left(Work& work) {
  report(work, IcmpError::kTimeExceeded, 0, DropReason::kHopLimit);
}

void Pipeline::too_big(Work& work, uint32_t mtu) {
  // Back to just the user's packet.
  Packet& packet = *work.packet;
  const auto around = static_cast<uint16_t>(packet.length - work.layout.total_bytes);
  packet.trim_front(around);
  report(work, IcmpError::kTooBig, mtu - around, DropReason::kTooBig);
}

// The packet in hand is just the user's IP packet.
void Pipeline::report(Work& work, IcmpError error, uint32_t mtu, DropReason reason) {
  Packet& packet = *work.packet;
  const bool from_ue = carries_tunnels(forwarding_->ports[packet.in_port].role);
  // An answer of our own to a UE has nobody to be told. Who sent a packet to the UE into another
  // UPF's tunnel or a MEC rule's is not where the port's routes lead.
  const bool has_nobody = from_ue ? work.key.direction() != Direction::kUplink
                                  : work.inner_offset != sizeof(EthernetHeader);
  if (has_nobody || is_not_forwardable(work.key.source, work.key.is_v6()) ||
      !deserves_icmp_error(packet.bytes(), work.key.protocol, work.layout.l4_offset) ||
      !errors_.take(now_)) {
    return drop(packet, reason);
  }
  if (work.session->redirects()) undo_redirection(work);
  from_ue ? report_to_ue(work, error, mtu, reason) : report_to_network(work, error, mtu, reason);
}

void Pipeline::report_to_ue(Work& work, IcmpError error, uint32_t mtu, DropReason reason) {
  const bool is_v6 = work.key.is_v6();
  if (work.pdr == kNoPdr) return drop(*work.packet, reason);  // on its way to the CP function
  const PortIndex out = work.session->uplink_pdr(work.pdr).out_port;
  const uint8_t* own = address_for_ues(*forwarding_, out, is_v6);
  if (own == nullptr || !make_icmp_error(*work.packet, error, mtu, own)) {
    return drop(*work.packet, reason);
  }
  FlowKey reply = work.key;
  std::memcpy(reply.destination, work.key.source, 16);
  set_address(reply.source, own, is_v6);
  reply.protocol = is_v6 ? kProtoIcmpv6 : kProtoIcmp;
  reply.source_port = reply.destination_port = 0;
  reply.bits = static_cast<uint8_t>(reply.bits & ~FlowKey::kHasPorts);
  reply_to_ue(work, reply, answer_for(error));
}

void Pipeline::report_to_network(Work& work, IcmpError error, uint32_t mtu, DropReason reason) {
  Packet& packet = *work.packet;
  const bool is_v6 = work.key.is_v6();
  const auto id = forwarding_->route(packet.in_port, work.key.source, is_v6);
  const NextHop hop = id ? shared_.next_hops.get(*id) : NextHop();
  const uint8_t* own = own_address(forwarding_->ports[packet.in_port], is_v6);
  if (own == nullptr || !hop.reachable() || !make_icmp_error(packet, error, mtu, own)) {
    return drop(packet, reason);
  }
  // At most 1280 bytes, which every port takes.
  work.layout.total_bytes = static_cast<uint16_t>(packet.length);
  send_ethernet(packet, hop, is_v6, &work);
  if (packet.verdict == Verdict::kSend) answered(packet, answer_for(error));
}

// TS 29.281 §7.3.1: of a TEID that is not zero the sender is told.
void Pipeline::unknown_tunnel(Work& work) {
  Packet& packet = *work.packet;
  const Port& port = forwarding_->ports[packet.in_port];
  const uint8_t* ip = packet.data + kL3;
  const size_t ip_bytes = ip[0] >> 4 == 4 ? reinterpret_cast<const Ipv4Header*>(ip)->header_bytes()
                                          : sizeof(Ipv6Header);
  const uint32_t teid = work.key.origin;
  if (teid == 0 || !errors_.take(now_) ||
      !answer_unknown_tunnel(packet, port.mac, {kL3, kL3 + ip_bytes}, teid)) {
    return drop(packet, DropReason::kUnknownTunnel);
  }
  answered(packet, Answer::kTunnelUnknown);
}

void Pipeline::refuse_gtpu(Packet& packet, const Port& port, const GtpuPlace& at, size_t end) {
  const size_t message = at.udp_offset + sizeof(UdpHeader);
  if (!has_unsupported_extension({packet.data + message, end - message}) || !errors_.take(now_) ||
      !answer_unsupported_extension(packet, port.mac, at)) {
    return drop(packet, DropReason::kMalformedGtpu);
  }
  answered(packet, Answer::kExtensionUnknown);
}

}  // namespace sluice::upf
