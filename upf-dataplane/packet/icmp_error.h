// ICMP and ICMPv6 errors about packets that cannot be forwarded (RFC 792, RFC 1191, RFC 4443).
#pragma once

#include <cstdint>
#include <span>

#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

enum class IcmpError : uint8_t {
  kTimeExceeded,  // no hop left
  kTooBig,        // "fragmentation needed" of IPv4, "packet too big" of IPv6
};

// Whether an ICMP message of `protocol` (ICMP or ICMPv6; of others none is) is an error, which
// quotes the packet it is about.
bool is_icmp_error(uint8_t protocol, uint8_t type);

// Whether an error may be sent about an IP packet whose headers have been checked: not about an
// ICMP error, a later fragment, or a packet from or to a group or no host (RFC 1122 §3.2.2, RFC
// 4443 §2.4). `protocol` and `l4_offset` are the upper layer's, 0 for a later fragment.
bool deserves_icmp_error(std::span<const uint8_t> packet, uint8_t protocol, size_t l4_offset);

// `packet` holds just the IP packet; afterwards it is the error, from `own` (4 or 16 bytes, of the
// packet's family) to the packet's sender, quoting as much of it as such a message may. `mtu` is
// that of kTooBig, in bytes of the IP packet. False, and unchanged, when there is no headroom.
bool make_icmp_error(Packet& packet, IcmpError error, uint32_t mtu, const uint8_t* own);

}  // namespace sluice::upf
