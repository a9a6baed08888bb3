// Generic Routing Encapsulation (RFC 2784, key and sequence number RFC 2890, over IPv6 RFC 7676).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

inline constexpr uint8_t kProtoGre = 47;

// One end of a tunnel as the outer header needs it. Addresses are as on the wire: IPv4 in the first
// four bytes.
struct GreHeader {
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
  bool is_v6 = false;                // the outer header
  std::optional<uint32_t> key = {};  // RFC 2890 §2.1
};

// How many bytes encapsulate_gre() adds in front of the packet, Ethernet not counted.
uint16_t gre_overhead(const GreHeader& tunnel);

// `packet` holds just an IP packet; afterwards outer IP and GRE are in front of it. False, and
// nothing is changed, when there is no headroom.
bool encapsulate_gre(Packet& packet, const GreHeader& tunnel);

// A parsed GRE header.
struct GreView {
  std::optional<uint32_t> key;
  size_t header_bytes = 0;  // where the payload begins
  bool payload_is_v6 = false;
};

// Parses from GRE's first byte to the end of the IP packet that carries it. Nothing when it is cut
// short, of another version, asks for routing, has a wrong checksum, or carries no IP. Sequence
// numbers are passed over: tunnels here keep the order of what comes.
std::optional<GreView> parse_gre(std::span<const uint8_t> bytes);

}  // namespace sluice::upf
