#include "upf-dataplane/control/frames.h"

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/encapsulate.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);
constexpr MacAddress kBroadcast({0xff, 0xff, 0xff, 0xff, 0xff, 0xff});

Frame make_arp_request(Ipv4Address target, Ipv4Address own, const MacAddress& own_mac,
                       const std::optional<MacAddress>& known) {
  Frame frame(kL3 + sizeof(ArpPacket));
  write_ethernet(frame.data(), known.value_or(kBroadcast), own_mac, kEtherTypeArp);
  auto* arp = reinterpret_cast<ArpPacket*>(frame.data() + kL3);
  arp->hardware_type = 1;
  arp->protocol_type = kEtherTypeIpv4;
  arp->hardware_length = 6;
  arp->protocol_length = 4;
  arp->operation = kArpRequest;
  std::memcpy(arp->sender_mac, own_mac.bytes().data(), 6);
  std::memcpy(arp->sender_ip, own.bytes().data(), 4);
  std::memcpy(arp->target_ip, target.bytes().data(), 4);
  return frame;
}

// RFC 4291 §2.7.1: ff02::1:ff00:0/104 with the low 24 bits of the target.
Ipv6Address solicited_node(const Ipv6Address& target) {
  const auto& t = target.bytes();
  return Ipv6Address({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, t[13], t[14], t[15]});
}

Frame make_solicitation(const Ipv6Address& target, const Ipv6Address& own,
                        const MacAddress& own_mac, const std::optional<MacAddress>& known) {
  constexpr size_t kMessage = sizeof(NeighbourMessage) + 8;
  Frame frame(kL3 + sizeof(Ipv6Header) + kMessage);
  const Ipv6Address destination = known ? target : solicited_node(target);
  const auto& d = destination.bytes();
  write_ethernet(frame.data(), known.value_or(MacAddress({0x33, 0x33, d[12], d[13], d[14], d[15]})),
                 own_mac, kEtherTypeIpv6);
  auto* ip = reinterpret_cast<Ipv6Header*>(frame.data() + kL3);
  ip->version_class_label = 0x60000000;
  ip->payload_length = kMessage;
  ip->next_header = kProtoIcmpv6;
  ip->hop_limit = 255;
  std::memcpy(ip->source, own.bytes().data(), 16);
  std::memcpy(ip->destination, d.data(), 16);
  auto* message = reinterpret_cast<NeighbourMessage*>(ip + 1);
  message->type = kIcmpv6NeighbourSolicitation;
  std::memcpy(message->target, target.bytes().data(), 16);
  auto* option = reinterpret_cast<uint8_t*>(message + 1);
  option[0] = kNdSourceLinkLayer;
  option[1] = 1;
  std::memcpy(option + 2, own_mac.bytes().data(), 6);
  message->checksum = checksum_finish(
      checksum_add(pseudo_header_sum(ip->source, ip->destination, 16, kMessage, kProtoIcmpv6),
                   reinterpret_cast<const uint8_t*>(message), kMessage));
  return frame;
}

std::optional<Advertised> parse_arp_reply(std::span<const uint8_t> frame) {
  if (frame.size() < kL3 + sizeof(ArpPacket)) return std::nullopt;
  const auto* arp = reinterpret_cast<const ArpPacket*>(frame.data() + kL3);
  if (!is_ethernet_ipv4_arp(*arp) || arp->operation != kArpReply) return std::nullopt;
  return Advertised{Ipv4Address::from_bytes(arp->sender_ip),
                    MacAddress::from_bytes(arp->sender_mac)};
}

std::optional<Advertised> parse_neighbour_advertisement(std::span<const uint8_t> frame) {
  constexpr size_t kFixed = kL3 + sizeof(Ipv6Header) + sizeof(NeighbourMessage);
  if (frame.size() < kFixed) return std::nullopt;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(frame.data() + kL3);
  const size_t bytes = ip->payload_length;
  if (ip->next_header != kProtoIcmpv6 || ip->hop_limit != 255 ||
      frame.size() < kL3 + sizeof(Ipv6Header) + bytes || bytes < sizeof(NeighbourMessage)) {
    return std::nullopt;
  }
  const auto* message = reinterpret_cast<const NeighbourMessage*>(ip + 1);
  const auto* start = reinterpret_cast<const uint8_t*>(message);
  const uint64_t sum = checksum_add(pseudo_header_sum(ip->source, ip->destination, 16,
                                                      static_cast<uint32_t>(bytes), kProtoIcmpv6),
                                    start, bytes);
  if (message->type != kIcmpv6NeighbourAdvertisement || checksum_fold(sum) != 0xffff) {
    return std::nullopt;
  }
  // Without the option the sender's own frame tells its address (RFC 4861 §4.4 lets it leave the
  // option out when it answers a unicast solicitation).
  MacAddress mac = MacAddress::from_bytes(frame.data() + 6);
  for (size_t at = sizeof(NeighbourMessage); at + 8 <= bytes;) {
    const size_t length = size_t{start[at + 1]} * 8;
    if (length == 0 || at + length > bytes) return std::nullopt;
    if (start[at] == kNdTargetLinkLayer) mac = MacAddress::from_bytes(start + at + 2);
    at += length;
  }
  // What nobody asked for says nothing about whether its target is alive (RFC 4861 §7.2.5).
  if ((message->flags & kNaSolicited) == 0) return std::nullopt;
  return Advertised{Ipv6Address::from_bytes(message->target), mac,
                    (message->flags & kNaOverride) != 0};
}

uint16_t ether_type(std::span<const uint8_t> frame) {
  if (frame.size() < kL3) return 0;
  return reinterpret_cast<const EthernetHeader*>(frame.data())->type;
}

}  // namespace

Frame make_probe(const IpAddress& target, const IpAddress& own, const MacAddress& own_mac,
                 const std::optional<MacAddress>& known) {
  return target.is_v4() ? make_arp_request(target.v4(), own.v4(), own_mac, known)
                        : make_solicitation(target.v6(), own.v6(), own_mac, known);
}

std::optional<Advertised> parse_advertisement(std::span<const uint8_t> frame) {
  std::optional<Advertised> advertised;
  if (ether_type(frame) == kEtherTypeArp) advertised = parse_arp_reply(frame);
  if (ether_type(frame) == kEtherTypeIpv6) advertised = parse_neighbour_advertisement(frame);
  if (!advertised) return std::nullopt;
  const auto& mac = advertised->mac.bytes();
  const bool is_group = (mac[0] & 1) != 0;
  return is_group || advertised->mac == MacAddress() ? std::nullopt : advertised;
}

std::optional<IpAddress> ip_destination(std::span<const uint8_t> frame) {
  const uint16_t type = ether_type(frame);
  if (type == kEtherTypeIpv4 && frame.size() >= kL3 + sizeof(Ipv4Header)) {
    return Ipv4Address::from_bytes(frame.data() + kL3 + offsetof(Ipv4Header, destination));
  }
  if (type == kEtherTypeIpv6 && frame.size() >= kL3 + sizeof(Ipv6Header)) {
    return Ipv6Address::from_bytes(frame.data() + kL3 + offsetof(Ipv6Header, destination));
  }
  return std::nullopt;
}

std::optional<IpAddress> ip_source(std::span<const uint8_t> frame) {
  const uint16_t type = ether_type(frame);
  if (type == kEtherTypeIpv4 && frame.size() >= kL3 + sizeof(Ipv4Header)) {
    return Ipv4Address::from_bytes(frame.data() + kL3 + offsetof(Ipv4Header, source));
  }
  if (type == kEtherTypeIpv6 && frame.size() >= kL3 + sizeof(Ipv6Header)) {
    return Ipv6Address::from_bytes(frame.data() + kL3 + offsetof(Ipv6Header, source));
  }
  return std::nullopt;
}

std::optional<Frame> make_gtpu_frame(const Port& port, const IpAddress& peer,
                                     const Frame& message) {
  constexpr uint8_t kHops = 64;
  const bool is_v6 = peer.is_v6();
  if (!(is_v6 ? port.has_v6 : port.has_v4)) return std::nullopt;
  const size_t ip_bytes = is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  const auto udp_bytes = static_cast<uint16_t>(sizeof(UdpHeader) + message.size());
  Frame frame(kL3 + ip_bytes + udp_bytes);
  write_ethernet(frame.data(), MacAddress(), port.mac, is_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  uint8_t* ip = frame.data() + kL3;
  auto* udp = reinterpret_cast<UdpHeader*>(ip + ip_bytes);
  udp->source_port = kGtpuPort;
  udp->destination_port = kGtpuPort;
  udp->length = udp_bytes;
  std::memcpy(udp + 1, message.data(), message.size());
  const auto to = peer.v6().bytes();
  if (!is_v6) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    v4->version_ihl = 0x45;
    v4->total_length = static_cast<uint16_t>(ip_bytes + udp_bytes);
    v4->flags_fragment = 0x4000;
    v4->ttl = kHops;
    v4->protocol = kProtoUdp;
    std::memcpy(ip + 12, port.own_v4(), 4);
    std::memcpy(ip + 16, to.data() + 12, 4);
    v4->checksum = ip_checksum(ip, ip_bytes);
    return frame;
  }
  auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
  v6->version_class_label = 0x60000000;
  v6->payload_length = udp_bytes;
  v6->next_header = kProtoUdp;
  v6->hop_limit = kHops;
  std::memcpy(v6->source, port.own_v6(), 16);
  std::memcpy(v6->destination, to.data(), 16);
  udp->checksum = udp_checksum_finish(
      checksum_add(pseudo_header_sum(v6->source, v6->destination, 16, udp_bytes, kProtoUdp),
                   reinterpret_cast<const uint8_t*>(udp), udp_bytes));
  return frame;
}

std::optional<Frame> make_end_marker(const Port& port, const OuterHeader& tunnel) {
  const bool is_v6 = tunnel.peer.is_v6();
  if (!(is_v6 ? port.has_v6 : port.has_v4)) return std::nullopt;
  const auto peer = tunnel.peer.v6().bytes();
  const TunnelHeader header{.source = is_v6 ? port.own_v6() : port.own_v4(),
                            .destination = peer.data() + (is_v6 ? 0 : 12),
                            .is_v6 = is_v6,
                            .teid = tunnel.teid.value(),
                            .message = kGtpuEndMarker};
  constexpr uint16_t kRoom = 128;
  std::array<uint8_t, kRoom> buffer{};
  Packet packet{.data = buffer.data() + kRoom, .headroom = kRoom};
  if (!encapsulate(packet, header) || !packet.prepend(sizeof(EthernetHeader))) return std::nullopt;
  write_ethernet(packet.data, MacAddress(), port.mac, is_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  return Frame(packet.data, packet.data + packet.length);
}

}  // namespace sluice::upf
