#include "upf-dataplane/packet/encapsulate.h"

#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/outer_ip.h"

namespace sluice::upf {
namespace {

constexpr size_t kContainerBytes = sizeof(GtpuOptional) + sizeof(PduSessionContainer);
// A paging policy indicator makes the container one word longer (TS 38.415 §5.5.2.1).
constexpr uint8_t kPagingPolicyPresent = 0x80;
constexpr size_t kPagingPolicyBytes = 4;
constexpr uint8_t kUplinkContainer = 0x10;  // PDU type 1 (TS 38.415 §5.5.2.2)

size_t container_bytes(const TunnelHeader& tunnel) {
  if (!tunnel.has_qfi) return 0;
  return kContainerBytes +
         ((tunnel.paging_bits & kPagingPolicyPresent) != 0 ? kPagingPolicyBytes : 0);
}

size_t gtpu_bytes(const TunnelHeader& tunnel) {
  return tunnel.udp_port != 0 ? 0 : sizeof(GtpuHeader) + container_bytes(tunnel);
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
                .type_flags = tunnel.is_uplink ? kUplinkContainer : uint8_t{0},
                .flags_qfi = static_cast<uint8_t>((tunnel.paging_bits & 0xc0) | tunnel.qfi),
                .next_extension = kGtpuExtensionNone};
  if ((tunnel.paging_bits & kPagingPolicyPresent) == 0) return;
  container->length_words = 2;
  // The PPI stands where the next extension's type was; padding and that type follow it.
  container->next_extension = static_cast<uint8_t>(tunnel.paging_bits << 5);
  std::memset(container + 1, 0, kPagingPolicyBytes);
}

}  // namespace

uint16_t tunnel_overhead(const TunnelHeader& tunnel) {
  return static_cast<uint16_t>((tunnel.is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header)) +
                               sizeof(UdpHeader) + gtpu_bytes(tunnel));
}

bool encapsulate(Packet& packet, const TunnelHeader& tunnel) {
  const size_t payload = packet.length;
  if (!packet.prepend(tunnel_overhead(tunnel))) return false;
  const size_t ip_bytes = tunnel.is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
  const size_t udp_bytes = packet.length - ip_bytes;
  auto* udp = reinterpret_cast<UdpHeader*>(packet.data + ip_bytes);
  const uint16_t port = tunnel.udp_port != 0 ? tunnel.udp_port : kGtpuPort;
  udp->source_port = port;
  udp->destination_port = port;
  udp->length = static_cast<uint16_t>(udp_bytes);
  udp->checksum = 0;  // allowed over IPv4
  if (tunnel.udp_port == 0) {
    write_gtpu(packet.data + ip_bytes + sizeof(UdpHeader), tunnel, payload);
  }
  write_outer_ip(packet.data,
                 {.source = tunnel.source,
                  .destination = tunnel.destination,
                  .is_v6 = tunnel.is_v6,
                  .protocol = kProtoUdp,
                  .tos = tunnel.tos},
                 udp_bytes);
  if (!tunnel.is_v6) return true;
  // Over IPv6 a checksum is not optional (RFC 8200 §8.1).
  uint64_t sum = pseudo_header_sum(tunnel.source, tunnel.destination, 16,
                                   static_cast<uint32_t>(udp_bytes), kProtoUdp);
  udp->checksum = udp_checksum_finish(checksum_add(sum, packet.data + ip_bytes, udp_bytes));
  return true;
}

}  // namespace sluice::upf
