// Putting a user's packet into a tunnel of GTP-U, or of UDP alone.
#pragma once

#include <cstdint>

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// One end of a tunnel as the outer header needs it. Addresses are as on the wire: IPv4 in the first
// four bytes.
struct TunnelHeader {
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
  bool is_v6 = false;
  uint32_t teid = 0;
  bool has_qfi = false;  // adds a PDU Session Container
  uint8_t qfi = 0;
  uint8_t paging_bits = 0;  // with a QFI: CompiledPdr::paging_bits
  uint8_t tos = 0;          // of the outer IP header
  uint8_t message = 255;    // GTP-U message type: G-PDU
  bool is_uplink = false;   // of the PDU Session Container
  uint16_t udp_port = 0;    // of both ends of a tunnel that is UDP/IP alone; 0: GTP-U
};

// How many bytes encapsulate() adds in front of the user's packet, Ethernet not counted.
uint16_t tunnel_overhead(const TunnelHeader& tunnel);

// `packet` holds just the user's IP packet; afterwards outer IP, UDP and, unless it is UDP alone,
// GTP-U are in front of it. The caller has made sure of headroom: prepend() fails otherwise and
// nothing is changed.
bool encapsulate(Packet& packet, const TunnelHeader& tunnel);

}  // namespace sluice::upf
