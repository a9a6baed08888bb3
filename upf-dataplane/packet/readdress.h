// Another source or destination for a packet that is under way.
#pragma once

#include <cstdint>
#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {

// What a checksum becomes when `bytes` bytes (an even number) that it covers change (RFC 1624).
inline Be16 checksum_replace(Be16 checksum, const uint8_t* from, const uint8_t* to, size_t bytes) {
  const uint16_t gone = checksum_fold(checksum_add(0, from, bytes));
  const uint64_t sum = uint64_t{static_cast<uint16_t>(~checksum.raw())} +
                       static_cast<uint16_t>(~gone) + checksum_add(0, to, bytes);
  return checksum_finish(sum);
}

// Where in its header a protocol keeps a checksum over the addresses; 0: nowhere.
inline size_t checksum_offset(uint8_t protocol) {
  switch (protocol) {
    case kProtoTcp:
      return 16;
    case kProtoUdp:
      return 6;
    case kProtoIcmpv6:
      return 2;
    default:
      return 0;
  }
}

// Gives an IP packet that parse_inner() has taken, whose upper protocol is `protocol`, another
// address (16 bytes, IPv4 mapped, of its family), and its checksums with it. Of a fragment, those
// that lie in it: all of a packet's get the same address.
inline void readdress(uint8_t* ip, const InnerLayout& layout, uint8_t protocol, bool destination,
                      const uint8_t* address) {
  const bool is_v6 = ip[0] >> 4 == 6;
  const size_t bytes = is_v6 ? 16 : 4;
  const uint8_t* to = address + (16 - bytes);
  uint8_t* at = ip + (is_v6 ? 8 : 12) + (destination ? bytes : 0);
  uint8_t from[16];
  std::memcpy(from, at, bytes);
  std::memcpy(at, to, bytes);
  if (!is_v6) {
    auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
    v4->checksum = checksum_replace(v4->checksum, from, to, bytes);
  }
  const size_t within = checksum_offset(protocol);
  if (layout.l4_offset == 0 || within == 0 || layout.l4_offset + within + 2 > layout.total_bytes) {
    return;
  }
  auto* checksum = reinterpret_cast<Be16*>(ip + layout.l4_offset + within);
  if (protocol == kProtoUdp && checksum->raw() == 0) return;  // none
  *checksum = checksum_replace(*checksum, from, to, bytes);
  if (protocol == kProtoUdp && checksum->raw() == 0) *checksum = Be16(0xffff);
}

}  // namespace sluice::upf
