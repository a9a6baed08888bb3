#include "upf-dataplane/packet/encapsulate.h"

#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr uint8_t kOuterHops = 64;
constexpr uint16_t kDontFragment = 0x4000;
constexpr size_t kContainerBytes = sizeof(GtpuOptional) + sizeof(PduSessionContainer);
// A paging policy indicator makes the container one word longer (TS 38.415 §5.5.2.1).
constexpr uint8_t kPagingPolicyPresent = 0x80;
constexpr size_t kPagingPolicyBytes = 4;

size_t container_bytes(const TunnelHeader& tunnel) {
  if (!tunnel.has_qfi) return 0;
  return kContainerBytes +
         ((tunnel.paging_bits & kPagingPolicyPresent) != 0 ? kPagingPolicyBytes : 0);
}

void write_gtpu(uint8_t* at, const TunnelHeader& tunnel, size_t payload) {
  auto* gtp = reinterpret_cast<GtpuHeader*>(at);
  gtp->type = tunnel.message;
  gtp->teid = tunnel.teid;
  if (!tunnel.has_qfi) {
    gtp->flags = kGtpuVersion1;
    gtp->length = static_cast<uint16_t>(payload);
    return;
  }
  gtp->flags = kGtpuVersion1 | kGtpuFlagExtension;
  gtp->length = static_cast<uint16_t>(payload + container_bytes(tunnel));
  auto* optional = reinterpret_cast<GtpuOptional*>(gtp + 1);
  *optional = {.sequence = 0, .npdu = 0, .next_extension = kGtpuExtensionPduSession};
  auto* container = reinterpret_cast<PduSessionContainer*>(optional + 1);
  *container = {.length_words = 1,
                .type_flags = 0,
                .flags_qfi = static_cast<uint8_t>((tunnel.paging_bits & 0xc0) | tunnel.qfi),
                .next_extension = kGtpuExtensionNone};
  if ((tunnel.paging_bits & kPagingPolicyPresent) == 0) return;
  container->length_words = 2;
  // The PPI stands where the next extension's type was; padding and that type follow it.
  container->next_extension = static_cast<uint8_t>(tunnel.paging_bits << 5);
  std::memset(container + 1, 0, kPagingPolicyBytes);
}

void write_v4(uint8_t* at, const TunnelHeader& tunnel, size_t udp_bytes) {
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  ip->version_ihl = 0x45;
  ip->tos = tunnel.tos;
  ip->total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + udp_bytes);
  ip->identification = 0;  // of no meaning in an atomic datagram (RFC 6864)
  ip->flags_fragment = kDontFragment;
  ip->ttl = kOuterHops;
  ip->protocol = kProtoUdp;
  ip->checksum = 0;
  uint32_t address;
  std::memcpy(&address, tunnel.source, 4);
  ip->source = Be32::from_raw(address);
  std::memcpy(&address, tunnel.destination, 4);
  ip->destination = Be32::from_raw(address);
  ip->checksum = ip_checksum(at, sizeof(Ipv4Header));
}

void write_v6(uint8_t* at, const TunnelHeader& tunnel, size_t udp_bytes) {
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  ip->version_class_label = 0x60000000U | uint32_t{tunnel.tos} << 20;
  ip->payload_length = static_cast<uint16_t>(udp_bytes);
  ip->next_header = kProtoUdp;
  ip->hop_limit = kOuterHops;
  std::memcpy(ip->source, tunnel.source, 16);
  std::memcpy(ip->destination, tunnel.destination, 16);
}

}  // namespace

uint16_t tunnel_overhead(const TunnelHeader& tunnel) {
  return static_cast<uint16_t>((tunnel.is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header)) +
                               sizeof(UdpHeader) + sizeof(GtpuHeader) + container_bytes(tunnel));
}

bool encapsulate(Packet& packet, const TunnelHeader& tunnel) {
  const size_t payload = packet.length;
  if (!packet.prepend(tunnel_overhead(tunnel))) return false;
  const size_t ip_bytes = tunnel.is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  const size_t udp_bytes = packet.length - ip_bytes;
  auto* udp = reinterpret_cast<UdpHeader*>(packet.data + ip_bytes);
  udp->source_port = kGtpuPort;
  udp->destination_port = kGtpuPort;
  udp->length = static_cast<uint16_t>(udp_bytes);
  udp->checksum = 0;  // allowed over IPv4
  write_gtpu(packet.data + ip_bytes + sizeof(UdpHeader), tunnel, payload);
  if (!tunnel.is_v6) {
    write_v4(packet.data, tunnel, udp_bytes);
    return true;
  }
  write_v6(packet.data, tunnel, udp_bytes);
  // Over IPv6 a checksum is not optional (RFC 8200 §8.1).
  uint64_t sum = pseudo_header_sum(tunnel.source, tunnel.destination, 16,
                                   static_cast<uint32_t>(udp_bytes), kProtoUdp);
  udp->checksum = udp_checksum_finish(checksum_add(sum, packet.data + ip_bytes, udp_bytes));
  return true;
}

}  // namespace sluice::upf
