// The outer IP header of a frame that may carry a tunnel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ip.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

struct Outer {
  bool is_udp = false;
  bool is_fragment = false;
  size_t l4_offset = 0;  // in the frame
  size_t end = 0;        // of the IP packet in the frame
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
};

inline bool has_good_checksum(const Ipv4Header* ip) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(ip);
  const size_t length = ip->header_bytes();
  // Without options, as nearly always, the length is a constant and the sum needs no loop.
  const uint64_t sum = length == sizeof(Ipv4Header) ? checksum_add(0, bytes, sizeof(Ipv4Header))
                                                    : checksum_add(0, bytes, length);
  return checksum_fold(sum) == 0xffff;
}

// Of the header at `l3`, behind the link's own; false when the packet is not whole. Nothing but the
// first fragment header of IPv6 is looked behind.
inline bool parse_outer_v4(const Packet& packet, size_t l3, Outer& outer) {
  if (packet.length < l3 + sizeof(Ipv4Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data + l3);
  const size_t header = ip->header_bytes();
  if (ip->version_ihl >> 4 != 4 || header < sizeof(Ipv4Header) || ip->total_length < header ||
      packet.length < l3 + ip->total_length || !has_good_checksum(ip)) {
    return false;
  }
  outer.is_udp = ip->protocol == kProtoUdp;
  outer.is_fragment = ip->is_fragment();
  outer.l4_offset = l3 + header;
  outer.end = l3 + ip->total_length;
  outer.source = reinterpret_cast<const uint8_t*>(&ip->source);
  outer.destination = reinterpret_cast<const uint8_t*>(&ip->destination);
  return true;
}

inline bool parse_outer_v6(const Packet& packet, size_t l3, Outer& outer) {
  if (packet.length < l3 + sizeof(Ipv6Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data + l3);
  const size_t end = l3 + sizeof(Ipv6Header) + ip->payload_length;
  if (packet.data[l3] >> 4 != 6 || packet.length < end) return false;
  outer.is_fragment = ip->next_header == kProtoFragment;
  const size_t fragment = l3 + sizeof(Ipv6Header);
  outer.is_udp = outer.is_fragment ? end >= fragment + sizeof(Ipv6FragmentHeader) &&
                                         packet.data[fragment] == kProtoUdp
                                   : ip->next_header == kProtoUdp;
  outer.l4_offset = l3 + sizeof(Ipv6Header);
  outer.end = end;
  outer.source = ip->source;
  outer.destination = ip->destination;
  return true;
}

}  // namespace sluice::upf
