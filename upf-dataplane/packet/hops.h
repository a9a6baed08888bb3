// The hop count of a packet that is forwarded.
#pragma once

#include <cstdint>

#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {

// Takes one hop from an IP packet (whole header present). False, and unchanged, when it has none
// left to give. Forwarding without this would also let a UE's packets pass for neighbour discovery
// at the next hop, which believes a hop limit of 255 (RFC 4861 §7.1).
inline bool take_hop(uint8_t* ip) {
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    if (v4->ttl <= 1) return false;
    --v4->ttl;
    // One less in the high byte of a word is one more in the high byte of the sum (RFC 1624).
    const uint32_t sum = uint32_t{v4->checksum.get()} + 0x0100;
    v4->checksum = static_cast<uint16_t>(sum + (sum >> 16));
    return true;
  }
  auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
  if (v6->hop_limit <= 1) return false;
  --v6->hop_limit;
  return true;
}

// Whether an address (16 bytes, IPv4 mapped) is one that is not forwarded to: of a group, of the
// link, or of no host.
inline bool is_not_forwardable(const uint8_t* address, bool is_v6) {
  if (is_v6) return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
  const uint8_t* v4 = address + 12;
  return v4[0] >= 224 || v4[0] == 0 || v4[0] == 127 || (v4[0] == 169 && v4[1] == 254);
}

}  // namespace sluice::upf
