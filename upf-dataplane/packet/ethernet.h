// Ethernet and ARP on the wire.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/net/big_endian.h"
#include "base/net/ip_address.h"

namespace sluice::upf {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;         // IEEE 802.1Q
inline constexpr uint16_t kEtherTypeServiceVlan = 0x88a8;  // the outer tag of IEEE 802.1ad
inline constexpr size_t kMinFrameBytes = 14;

struct EthernetHeader {
  uint8_t destination[6];
  uint8_t source[6];
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14);

// RFC 826, Ethernet and IPv4 only.
struct ArpPacket {
  Be16 hardware_type;  // 1
  Be16 protocol_type;  // 0x0800
  uint8_t hardware_length;
  uint8_t protocol_length;
  Be16 operation;
  uint8_t sender_mac[6];
  uint8_t sender_ip[4];
  uint8_t target_mac[6];
  uint8_t target_ip[4];
};
static_assert(sizeof(ArpPacket) == 28);

inline constexpr uint16_t kArpRequest = 1;
inline constexpr uint16_t kArpReply = 2;

inline bool is_ethernet_ipv4_arp(const ArpPacket& arp) {
  return arp.hardware_type == 1 && arp.protocol_type == kEtherTypeIpv4 &&
         arp.hardware_length == 6 && arp.protocol_length == 4;
}

inline void write_ethernet(uint8_t* at, const MacAddress& destination, const MacAddress& source,
                           uint16_t type) {
  auto* header = reinterpret_cast<EthernetHeader*>(at);
  std::memcpy(header->destination, destination.bytes().data(), 6);
  std::memcpy(header->source, source.bytes().data(), 6);
  header->type = type;
}

}  // namespace sluice::upf
