// Stage 1 of the pipeline: from a frame to a user's packet, or to an answer of the UPF's own.
#include "upf-dataplane/packet/answer.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/outer_header.h"
#include "upf-dataplane/worker/pipeline.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);

// A frame is for the port when it is addressed to it or to a group.
bool is_for(const EthernetHeader& ethernet, const MacAddress& own) {
  return (ethernet.destination[0] & 1) != 0 ||
         std::memcmp(ethernet.destination, own.bytes().data(), 6) == 0;
}

}  // namespace

void Pipeline::parse(Packet& packet) {
  packet.verdict = Verdict::kPending;
  if (packet.length < kL3) return drop(packet, DropReason::kMalformedFrame);
  const Port& port = forwarding_->ports[packet.in_port];
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(packet.data);
  if (!is_for(ethernet, port.mac)) return drop(packet, DropReason::kNotForUs);
  const uint16_t type = ethernet.type;
  if (type == kEtherTypeArp) return handle_arp(packet, port);
  if (type != kEtherTypeIpv4 && type != kEtherTypeIpv6) {
    return drop(packet, DropReason::kUnsupportedProtocol);
  }
  if (carries_tunnels(port.role)) return parse_access(packet, port, type);
  parse_network(packet, port, type);
}

void Pipeline::parse_access(Packet& packet, const Port& port, uint16_t l3_type) {
  Outer outer;
  const bool whole = l3_type == kEtherTypeIpv4 ? parse_outer_v4(packet, kL3, outer)
                                               : parse_outer_v6(packet, kL3, outer);
  if (!whole) return drop(packet, DropReason::kMalformedFrame);
  const size_t gtp_offset = outer.l4_offset + sizeof(UdpHeader);
  const auto* udp = reinterpret_cast<const UdpHeader*>(packet.data + outer.l4_offset);
  if (outer.is_fragment && outer.is_udp &&
      port.owns_wire(outer.destination, l3_type == kEtherTypeIpv6)) [[unlikely]] {
    return packet.except_for(Exception::kOuterFragment, 0);
  }
  if (!outer.is_udp || outer.is_fragment || outer.end < gtp_offset ||
      udp->destination_port != kGtpuPort) {
    return handle_own(packet, port, l3_type);
  }
  if (!port.owns_wire(outer.destination, l3_type == kEtherTypeIpv6)) {
    return drop(packet, DropReason::kNotForUs);
  }
  const size_t udp_end = outer.l4_offset + udp->length;
  if (udp->length < sizeof(UdpHeader) || udp_end > outer.end) {
    return drop(packet, DropReason::kMalformedFrame);
  }
  GtpuView gtp;
  if (!read_gtpu({packet.data + gtp_offset, udp_end - gtp_offset}, gtp)) {
    return refuse_gtpu(packet, port, {kL3, outer.l4_offset}, udp_end);
  }
  if (gtp.type == kGtpuEchoRequest) {
    if (!answer_gtpu_echo(packet, port.mac, kL3, gtp_offset)) {
      return drop(packet, DropReason::kMalformedGtpu);
    }
    return answered(packet, Answer::kGtpuEcho);
  }
  if (gtp.type != kGtpuGpdu) [[unlikely]] {
    const bool is_known = gtp.type == kGtpuEchoResponse || gtp.type == kGtpuErrorIndication ||
                          gtp.type == kGtpuSupportedExtensions;
    if (!is_known) return drop(packet, DropReason::kUnsupportedProtocol);
    return packet.except_for(Exception::kGtpuSignalling, static_cast<uint16_t>(gtp_offset));
  }

  Work& work = work_[works_];
  work.packet = &packet;
  work.inner_offset = static_cast<uint16_t>(gtp_offset + gtp.header_bytes);
  const FlowOrigin from{.direction = Direction::kUplink,
                        .has_qfi = gtp.qfi.has_value(),
                        .qfi = gtp.qfi.value_or(0),
                        .origin = gtp.teid};
  if (!parse_inner({packet.data + work.inner_offset, gtp.payload_bytes}, from, work.key,
                   work.layout)) {
    return drop(packet, DropReason::kMalformedInner);
  }
  shared_.sessions.prefetch_teid(gtp.teid);
  ++works_;
}

// Whether it is for the UPF itself is asked only when no session has its destination.
void Pipeline::parse_network(Packet& packet, const Port& port, uint16_t l3_type) {
  Work& work = work_[works_];
  work.packet = &packet;
  work.inner_offset = kL3;
  const FlowOrigin from{.direction = port.role == PortRole::kLocalDn ? Direction::kDownlinkLocal
                                                                     : Direction::kDownlinkCore,
                        .origin = packet.in_port};
  if (!parse_inner({packet.data + kL3, packet.length - kL3}, from, work.key, work.layout) ||
      work.key.is_v6() != (l3_type == kEtherTypeIpv6)) {
    return drop(packet, DropReason::kMalformedInner);
  }
  if (work.key.is_v6()) {
    uint64_t upper;
    std::memcpy(&upper, work.key.destination, 8);
    shared_.sessions.prefetch_v6(upper);
  } else {
    uint32_t raw;
    std::memcpy(&raw, work.key.destination + 12, 4);
    shared_.sessions.prefetch_v4(raw);
  }
  ++works_;
}

void Pipeline::handle_arp(Packet& packet, const Port& port) {
  if (packet.length < kL3 + sizeof(ArpPacket)) return drop(packet, DropReason::kMalformedFrame);
  const auto& arp = *reinterpret_cast<const ArpPacket*>(packet.data + kL3);
  if (!is_ethernet_ipv4_arp(arp)) return drop(packet, DropReason::kUnsupportedProtocol);
  if (!port.owns(Ipv4Address::from_bytes(arp.target_ip))) {
    return drop(packet, DropReason::kNotForUs);
  }
  if (arp.operation == kArpRequest) {
    answer_arp(packet, port.mac);
    return answered(packet, Answer::kArp);
  }
  if (arp.operation != kArpReply) return drop(packet, DropReason::kUnsupportedProtocol);
  if (!forwarding_->tracks(packet.in_port, Ipv4Address::from_bytes(arp.sender_ip))) {
    return drop(packet, DropReason::kNotForUs);
  }
  packet.punt_to_learn();
}

// A packet for the UPF itself, as far as the data path has an answer.
void Pipeline::handle_own(Packet& packet, const Port& port, uint16_t l3_type) {
  FlowKey key;
  InnerLayout layout;
  if (!parse_inner({packet.data + kL3, packet.length - kL3}, {}, key, layout) ||
      key.is_v6() != (l3_type == kEtherTypeIpv6)) {
    return drop(packet, DropReason::kMalformedFrame);
  }
  if (layout.l4_offset == 0) return drop(packet, DropReason::kUnsupportedProtocol);
  if (key.protocol == kProtoIcmpv6 && key.is_v6()) {
    return handle_own_icmpv6(packet, port, layout.l4_offset);
  }
  if (!port.owns(Ipv6Address::from_bytes(key.destination))) {
    return drop(packet, DropReason::kNotForUs);
  }
  const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data + kL3);
  const bool is_echo = key.protocol == kProtoIcmp && !key.is_v6() && !ip->is_fragment() &&
                       layout.total_bytes >= layout.l4_offset + sizeof(IcmpHeader) &&
                       packet.data[kL3 + layout.l4_offset] == kIcmpEchoRequest;
  if (!is_echo) return drop(packet, DropReason::kUnsupportedProtocol);
  if (!answer_icmp_echo(packet, port.mac, kL3, layout.l4_offset)) {
    return drop(packet, DropReason::kMalformedFrame);
  }
  answered(packet, Answer::kIcmpEcho);
}

void Pipeline::handle_own_icmpv6(Packet& packet, const Port& port, size_t l4_offset) {
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data + kL3);
  const size_t message_bytes = sizeof(Ipv6Header) + ip->payload_length - l4_offset;
  const uint8_t* message = packet.data + kL3 + l4_offset;
  if (message_bytes < sizeof(IcmpHeader)) return drop(packet, DropReason::kMalformedFrame);
  const bool is_own = port.owns(Ipv6Address::from_bytes(ip->destination));
  if (message[0] == kIcmpv6EchoRequest && is_own) {
    if (!answer_icmp_echo(packet, port.mac, kL3, l4_offset)) {
      return drop(packet, DropReason::kMalformedFrame);
    }
    return answered(packet, Answer::kIcmpEcho);
  }
  // Neighbour discovery is believed only from the link itself (RFC 4861 §7.1).
  const bool is_discovery =
      (message[0] == kIcmpv6NeighbourSolicitation || message[0] == kIcmpv6NeighbourAdvertisement) &&
      ip->hop_limit == 255 && message_bytes >= sizeof(NeighbourMessage) &&
      l4_offset == sizeof(Ipv6Header);
  if (!is_discovery) {
    return drop(packet, is_own ? DropReason::kUnsupportedProtocol : DropReason::kNotForUs);
  }
  const auto* discovery = reinterpret_cast<const NeighbourMessage*>(message);
  const Ipv6Address target = Ipv6Address::from_bytes(discovery->target);
  if (message[0] == kIcmpv6NeighbourAdvertisement) {
    if (!forwarding_->tracks(packet.in_port, target)) return drop(packet, DropReason::kNotForUs);
    return packet.punt_to_learn();
  }
  if (!port.owns(target)) return drop(packet, DropReason::kNotForUs);
  if (!answer_neighbour_solicitation(packet, port.mac, kL3, target)) {
    return drop(packet, DropReason::kNoRoom);
  }
  answered(packet, Answer::kNeighbour);
}

}  // namespace sluice::upf
