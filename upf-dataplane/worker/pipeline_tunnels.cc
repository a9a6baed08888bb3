// Packets that come back from the tunnels of MEC rules, and of UDP/IP.
#include "upf-dataplane/packet/answer.h"
#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gre.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);
constexpr size_t kMappedV4Offset = 12;

// Whether the outer header of a frame is one that a tunnel's end may take: whole, and as its sender
// wrote it.
bool is_sound(const uint8_t* ip) {
  if (ip[0] >> 4 == 6)
    return reinterpret_cast<const Ipv6Header*>(ip)->next_header != kProtoFragment;
  const auto* v4 = reinterpret_cast<const Ipv4Header*>(ip);
  return !v4->is_fragment() && checksum_fold(checksum_add(0, ip, v4->header_bytes())) == 0xffff;
}

}  // namespace

bool Pipeline::is_own_tunnel(const Work& work) const {
  const FlowKey& key = work.key;
  if (steering_->peers.empty() || key.direction() == Direction::kUplink) return false;
  const bool is_gtpu = key.protocol == kProtoUdp && key.destination_port == kGtpuPort &&
                       key.has_ports() && steering_->peers.has_gtpu();
  return (is_gtpu || key.protocol == kProtoGre) &&
         forwarding_->ports[work.packet->in_port].owns_wire(
             key.destination + (key.is_v6() ? 0 : kMappedV4Offset), key.is_v6());
}

// `work` is such a packet. True when it now is the user's packet that was in it and has its
// session; otherwise its fate is decided.
bool Pipeline::leave_tunnel(Work& work) {
  Packet& packet = *work.packet;
  const Port& port = forwarding_->ports[packet.in_port];
  const size_t at = kL3 + work.layout.l4_offset;
  const uint8_t* upper = packet.data + at;
  const size_t upper_bytes = kL3 + work.layout.total_bytes - at;
  const auto refuse = [&](DropReason reason) {
    drop(packet, reason);
    return false;
  };
  if (work.layout.l4_offset == 0 || !is_sound(packet.data + kL3)) {
    return refuse(DropReason::kMalformedFrame);
  }
  TunnelKind kind = TunnelKind::kGre;
  std::optional<uint32_t> id;
  size_t payload_at = 0;  // from `upper`
  size_t payload_bytes = 0;
  if (work.key.protocol == kProtoGre) {
    const auto gre = parse_gre({upper, upper_bytes});
    if (!gre) return refuse(DropReason::kMalformedFrame);
    id = gre->key;
    payload_at = gre->header_bytes;
    payload_bytes = upper_bytes - gre->header_bytes;
  } else {
    kind = TunnelKind::kGtpU;
    const auto* udp = reinterpret_cast<const UdpHeader*>(upper);
    if (upper_bytes < sizeof(UdpHeader) || udp->length < sizeof(UdpHeader) ||
        udp->length > upper_bytes) {
      return refuse(DropReason::kMalformedFrame);
    }
    const auto gtp = parse_gtpu({upper + sizeof(UdpHeader), udp->length - sizeof(UdpHeader)});
    if (!gtp) return refuse(DropReason::kMalformedGtpu);
    if (gtp->type == kGtpuEchoRequest) {
      if (!answer_gtpu_echo(packet, port.mac, kL3, at + sizeof(UdpHeader))) {
        return refuse(DropReason::kMalformedGtpu);
      }
      answered(packet, Answer::kGtpuEcho);
      return false;
    }
    if (gtp->type != kGtpuGpdu) return refuse(DropReason::kUnsupportedProtocol);
    id = gtp->teid;
    payload_at = sizeof(UdpHeader) + gtp->header_bytes;
    payload_bytes = gtp->payload_bytes;
  }
  if (!steering_->peers.contains(kind, work.key.source, work.key.destination, id.has_value(),
                                 id.value_or(0))) {
    return refuse(DropReason::kUnknownTunnel);
  }
  work.inner_offset = static_cast<uint16_t>(at + payload_at);
  if (!parse_inner({upper + payload_at, payload_bytes},
                   {.direction = Direction::kDownlinkLocal, .origin = packet.in_port}, work.key,
                   work.layout)) {
    return refuse(DropReason::kMalformedInner);
  }
  work.session = only_ != nullptr ? only_ : find_by_address(work.key);
  if (work.session == nullptr) {
    work.session = shared_.sessions.find_prefix(work.key.destination, work.key.is_v6());
  }
  if (work.session == nullptr) return refuse(DropReason::kUnknownUe);
  return true;
}

bool Pipeline::is_own_datagram(const Work& work) const {
  const FlowKey& key = work.key;
  return key.protocol == kProtoUdp && key.direction() != Direction::kUplink && key.has_ports() &&
         forwarding_->ports[work.packet->in_port].owns_wire(
             key.destination + (key.is_v6() ? 0 : kMappedV4Offset), key.is_v6());
}

// The far end answers where packets come from: from its port to the same of ours. Whoever is not
// the end of a tunnel that the user's packets go into cannot send by it.
bool Pipeline::leave_udp_tunnel(Work& work) const {
  const Packet& packet = *work.packet;
  const uint16_t end = work.key.source_port;
  if (end != work.key.destination_port || work.layout.is_fragment || !is_sound(packet.data + kL3)) {
    return false;
  }
  const auto* udp = reinterpret_cast<const UdpHeader*>(packet.data + kL3 + work.layout.l4_offset);
  const size_t upper_bytes = work.layout.total_bytes - size_t{work.layout.l4_offset};
  if (upper_bytes < sizeof(UdpHeader) || udp->length < sizeof(UdpHeader) ||
      udp->length > upper_bytes) {
    return false;
  }
  Work user = work;
  user.inner_offset = static_cast<uint16_t>(kL3 + work.layout.l4_offset + sizeof(UdpHeader));
  const FlowOrigin from{.direction = Direction::kDownlinkCore, .origin = CompiledPdr::kUdpTunnel};
  if (!parse_inner({packet.data + user.inner_offset, udp->length - sizeof(UdpHeader)}, from,
                   user.key, user.layout)) {
    return false;
  }
  user.key.bits |= FlowKey::kTunnelled;
  user.session = only_ != nullptr ? only_ : find_by_address(user.key);
  if (user.session == nullptr) {
    user.session = shared_.sessions.find_prefix(user.key.destination, user.key.is_v6());
  }
  if (user.session == nullptr || !user.session->has_udp_tunnel(work.key.source, end)) return false;
  work = user;
  return true;
}

}  // namespace sluice::upf
