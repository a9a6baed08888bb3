// What a GTP-U peer is told about a message that cannot be taken (TS 29.281 §7.2.3, §7.3.1).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// Where a GTP-U message begins in a frame whose outer headers have been checked.
struct GtpuPlace {
  size_t ip_offset = 0;   // of the outer IP header
  size_t udp_offset = 0;  // of its UDP header
};

// Whether a GTP-U message that parse_gtpu() refuses has a whole chain of extension headers of which
// one that must be understood (§5.2.1) is unknown here.
bool has_unsupported_extension(Bytes message);

// Both turn a frame in place into the answer to its sender, to UDP port 2152 (§4.4.2). False when
// there is no room, or the sender's address is no host's.

// An Error Indication for the G-PDU in the frame, which names the tunnel `teid`, with the UDP Port
// extension header, so that the peer can tell that it answers a packet of its own.
bool answer_unknown_tunnel(Packet& frame, const MacAddress& own, const GtpuPlace& at,
                           uint32_t teid);

// A Supported Extension Headers Notification.
bool answer_unsupported_extension(Packet& frame, const MacAddress& own, const GtpuPlace& at);

}  // namespace sluice::upf
