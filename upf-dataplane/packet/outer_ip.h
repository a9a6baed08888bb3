// The IP header that carries a tunnel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {

// Addresses are as on the wire: IPv4 in the first four bytes.
struct OuterIp {
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
  bool is_v6 = false;
  uint8_t protocol = 0;
  uint8_t tos = 0;

  size_t bytes() const { return is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header); }
};

inline constexpr uint8_t kOuterHops = 64;

// Writes the header in front of `payload_bytes` bytes.
inline void write_outer_ip(uint8_t* at, const OuterIp& outer, size_t payload_bytes) {
  constexpr uint16_t kDontFragment = 0x4000;
  if (outer.is_v6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(at);
    ip->version_class_label = 0x60000000U | uint32_t{outer.tos} << 20;
    ip->payload_length = static_cast<uint16_t>(payload_bytes);
    ip->next_header = outer.protocol;
    ip->hop_limit = kOuterHops;
    std::memcpy(ip->source, outer.source, 16);
    std::memcpy(ip->destination, outer.destination, 16);
    return;
  }
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  ip->version_ihl = 0x45;
  ip->tos = outer.tos;
  ip->total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + payload_bytes);
  ip->identification = 0;  // of no meaning in an atomic datagram (RFC 6864)
  ip->flags_fragment = kDontFragment;
  ip->ttl = kOuterHops;
  ip->protocol = outer.protocol;
  ip->checksum = 0;
  uint32_t address;
  std::memcpy(&address, outer.source, 4);
  ip->source = Be32::from_raw(address);
  std::memcpy(&address, outer.destination, 4);
  ip->destination = Be32::from_raw(address);
  ip->checksum = ip_checksum(at, sizeof(Ipv4Header));
}

}  // namespace sluice::upf
