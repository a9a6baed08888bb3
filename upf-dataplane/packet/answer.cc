#include "upf-dataplane/packet/answer.h"

#include <algorithm>
#include <utility>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr uint8_t kReplyHops = 64;

void reply_ethernet(Packet& frame, const MacAddress& own) {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame.data);
  std::memcpy(ethernet->destination, ethernet->source, 6);
  std::memcpy(ethernet->source, own.bytes().data(), 6);
}

// Swaps the addresses of either family's header and gives it a fresh hop count.
void reply_ip(uint8_t* ip) {
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    std::swap(v4->source, v4->destination);
    v4->ttl = kReplyHops;
    v4->checksum = 0;
    v4->checksum = ip_checksum(ip, v4->header_bytes());
  } else {
    auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
    std::swap_ranges(v6->source, v6->source + 16, v6->destination);
    v6->hop_limit = kReplyHops;
  }
}

// The sum over an upper-layer message under an IPv6 header (RFC 8200 §8.1), to be finished.
uint64_t v6_sum(const Ipv6Header& ip, uint8_t protocol, const uint8_t* message, size_t bytes) {
  return checksum_add(
      pseudo_header_sum(ip.source, ip.destination, 16, static_cast<uint32_t>(bytes), protocol),
      message, bytes);
}

// How many bytes the IP header says the packet has, and the frame really holds; 0 when it lies.
size_t ip_bytes(const Packet& frame, size_t ip_offset) {
  const uint8_t* ip = frame.data + ip_offset;
  const size_t there = frame.length - ip_offset;
  const size_t said =
      ip[0] >> 4 == 4
          ? reinterpret_cast<const Ipv4Header*>(ip)->total_length.get()
          : sizeof(Ipv6Header) + reinterpret_cast<const Ipv6Header*>(ip)->payload_length.get();
  return said <= there ? said : 0;
}

}  // namespace

void answer_arp(Packet& frame, const MacAddress& own) {
  auto* arp = reinterpret_cast<ArpPacket*>(frame.data + sizeof(EthernetHeader));
  arp->operation = kArpReply;
  uint8_t asked[4];
  std::memcpy(asked, arp->target_ip, 4);
  std::memcpy(arp->target_mac, arp->sender_mac, 6);
  std::memcpy(arp->target_ip, arp->sender_ip, 4);
  std::memcpy(arp->sender_mac, own.bytes().data(), 6);
  std::memcpy(arp->sender_ip, asked, 4);
  reply_ethernet(frame, own);
}

bool answer_icmp_echo(Packet& frame, const MacAddress& own, size_t ip_offset, size_t l4_offset) {
  uint8_t* ip = frame.data + ip_offset;
  const size_t total = ip_bytes(frame, ip_offset);
  if (total < l4_offset + sizeof(IcmpHeader)) return false;
  auto* icmp = reinterpret_cast<IcmpHeader*>(ip + l4_offset);
  const size_t message = total - l4_offset;
  reply_ip(ip);
  icmp->checksum = 0;
  if (ip[0] >> 4 == 4) {
    icmp->type = kIcmpEchoReply;
    icmp->checksum = checksum_finish(checksum_add(0, ip + l4_offset, message));
  } else {
    icmp->type = kIcmpv6EchoReply;
    icmp->checksum = checksum_finish(
        v6_sum(*reinterpret_cast<Ipv6Header*>(ip), kProtoIcmpv6, ip + l4_offset, message));
  }
  reply_ethernet(frame, own);
  frame.truncate(static_cast<uint32_t>(ip_offset + total));
  return true;
}

bool answer_neighbour_solicitation(Packet& frame, const MacAddress& own, size_t ip_offset,
                                   const Ipv6Address& target) {
  constexpr size_t kReplyMessage = sizeof(NeighbourMessage) + 8;  // with our link-layer address
  uint8_t* start = frame.data + ip_offset;
  auto* ip = reinterpret_cast<Ipv6Header*>(start);
  const Ipv6Address asker = Ipv6Address::from_bytes(ip->source);
  // Duplicate address detection asks from ::, and is answered to all nodes.
  const bool unspecified = asker == Ipv6Address{};

  const size_t wanted = ip_offset + sizeof(Ipv6Header) + kReplyMessage;
  if (frame.length < wanted && !frame.append(static_cast<uint16_t>(wanted - frame.length))) {
    return false;
  }
  frame.truncate(static_cast<uint32_t>(wanted));
  if (unspecified) {
    constexpr uint8_t kAllNodes[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    std::memcpy(ip->destination, kAllNodes, 16);
  } else {
    std::memcpy(ip->destination, ip->source, 16);
  }
  std::memcpy(ip->source, target.bytes().data(), 16);
  ip->payload_length = kReplyMessage;
  ip->next_header = kProtoIcmpv6;
  ip->hop_limit = 255;

  auto* message = reinterpret_cast<NeighbourMessage*>(start + sizeof(Ipv6Header));
  message->type = kIcmpv6NeighbourAdvertisement;
  message->code = 0;
  message->checksum = 0;
  message->flags = kNaRouter | kNaOverride | (unspecified ? 0 : kNaSolicited);
  std::memcpy(message->target, target.bytes().data(), 16);
  uint8_t* option = start + sizeof(Ipv6Header) + sizeof(NeighbourMessage);
  option[0] = kNdTargetLinkLayer;
  option[1] = 1;
  std::memcpy(option + 2, own.bytes().data(), 6);
  message->checksum =
      checksum_finish(v6_sum(*ip, kProtoIcmpv6, start + sizeof(Ipv6Header), kReplyMessage));
  reply_ethernet(frame, own);
  if (unspecified) {
    constexpr uint8_t kAllNodesMac[6] = {0x33, 0x33, 0, 0, 0, 1};
    std::memcpy(frame.data, kAllNodesMac, 6);
  }
  return true;
}

bool answer_gtpu_echo(Packet& frame, const MacAddress& own, size_t ip_offset, size_t gtp_offset) {
  // Header, optional part with the request's sequence number, Recovery IE with value 0: TS 29.281
  // §8.2 keeps the IE but has the receiver ignore its value.
  constexpr size_t kReply = sizeof(GtpuHeader) + sizeof(GtpuOptional) + 2;
  const auto view = parse_gtpu({frame.data + gtp_offset, frame.length - gtp_offset});
  if (!view) return false;
  const size_t wanted = gtp_offset + kReply;
  if (frame.length < wanted && !frame.append(static_cast<uint16_t>(wanted - frame.length))) {
    return false;
  }
  frame.truncate(static_cast<uint32_t>(wanted));

  auto* gtp = reinterpret_cast<GtpuHeader*>(frame.data + gtp_offset);
  gtp->flags = kGtpuVersion1 | kGtpuFlagSequence;
  gtp->type = kGtpuEchoResponse;
  gtp->length = kReply - sizeof(GtpuHeader);
  gtp->teid = 0;
  auto* optional = reinterpret_cast<GtpuOptional*>(gtp + 1);
  optional->sequence = view->sequence.value_or(0);
  optional->npdu = 0;
  optional->next_extension = kGtpuExtensionNone;
  auto* recovery = reinterpret_cast<uint8_t*>(optional + 1);
  recovery[0] = kGtpuRecoveryIe;
  recovery[1] = 0;

  uint8_t* ip = frame.data + ip_offset;
  auto* udp = reinterpret_cast<UdpHeader*>(frame.data + gtp_offset - sizeof(UdpHeader));
  const auto udp_bytes = static_cast<uint16_t>(sizeof(UdpHeader) + kReply);
  std::swap(udp->source_port, udp->destination_port);
  udp->length = udp_bytes;
  udp->checksum = 0;
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    v4->total_length = static_cast<uint16_t>(v4->header_bytes() + udp_bytes);
    reply_ip(ip);
  } else {
    auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
    v6->payload_length = udp_bytes;
    reply_ip(ip);
    udp->checksum =
        udp_checksum_finish(v6_sum(*v6, kProtoUdp, reinterpret_cast<uint8_t*>(udp), udp_bytes));
  }
  reply_ethernet(frame, own);
  return true;
}

}  // namespace sluice::upf
