// The DSCP of a packet that is forwarded without a tunnel.
#pragma once

#include <cstdint>

#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {

// Sets the bits of the ToS or traffic class that `mask` names to those of `tos` (which lie within
// it).
inline void mark(uint8_t* ip, uint8_t tos, uint8_t mask) {
  if (ip[0] >> 4 == 4) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    const auto next = static_cast<uint8_t>((v4->tos & ~mask) | tos);
    // RFC 1624 equation 3; the ToS is the low byte of the first word.
    uint32_t sum = static_cast<uint16_t>(~v4->checksum.get());
    sum += static_cast<uint16_t>(~uint32_t{v4->tos}) + uint32_t{next};
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    v4->checksum = static_cast<uint16_t>(~sum);
    v4->tos = next;
    return;
  }
  auto* v6 = reinterpret_cast<Ipv6Header*>(ip);
  const uint32_t word = v6->version_class_label;
  v6->version_class_label = (word & ~(uint32_t{mask} << 20)) | uint32_t{tos} << 20;
}

}  // namespace sluice::upf
