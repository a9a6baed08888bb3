// IPv4, IPv6, UDP, TCP and ICMP headers on the wire.
#pragma once

#include <cstdint>

#include "base/net/big_endian.h"

namespace sluice::upf {

inline constexpr uint8_t kProtoHopByHop = 0;
inline constexpr uint8_t kProtoIcmp = 1;
inline constexpr uint8_t kProtoTcp = 6;
inline constexpr uint8_t kProtoUdp = 17;
inline constexpr uint8_t kProtoRouting = 43;
inline constexpr uint8_t kProtoFragment = 44;
inline constexpr uint8_t kProtoEsp = 50;
inline constexpr uint8_t kProtoAh = 51;
inline constexpr uint8_t kProtoIcmpv6 = 58;
inline constexpr uint8_t kProtoDestinationOptions = 60;
inline constexpr uint8_t kProtoSctp = 132;

struct Ipv4Header {
  uint8_t version_ihl;
  uint8_t tos;
  Be16 total_length;
  Be16 identification;
  Be16 flags_fragment;
  uint8_t ttl;
  uint8_t protocol;
  Be16 checksum;
  Be32 source;
  Be32 destination;

  size_t header_bytes() const { return size_t{version_ihl & 0x0fU} * 4; }
  // Neither a later fragment nor one that more fragments follow.
  bool is_fragment() const { return (flags_fragment & 0x3fff) != 0; }
  bool is_later_fragment() const { return (flags_fragment & 0x1fff) != 0; }
};
static_assert(sizeof(Ipv4Header) == 20);

struct Ipv6Header {
  Be32 version_class_label;
  Be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  uint8_t source[16];
  uint8_t destination[16];

  uint8_t traffic_class() const { return static_cast<uint8_t>(version_class_label.get() >> 20); }
  uint32_t flow_label() const { return version_class_label & 0xfffff; }
};
static_assert(sizeof(Ipv6Header) == 40);

struct Ipv6FragmentHeader {
  uint8_t next_header;
  uint8_t reserved;
  Be16 offset_flags;
  Be32 identification;
};
static_assert(sizeof(Ipv6FragmentHeader) == 8);

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgement;
  uint8_t offset;  // high nibble: words of this header
  uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  size_t header_bytes() const { return size_t{offset} / 16 * 4; }
};
static_assert(sizeof(TcpHeader) == 20);

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;

struct IcmpHeader {
  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be16 identifier;
  Be16 sequence;
};
static_assert(sizeof(IcmpHeader) == 8);

inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpEchoRequest = 8;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;

// RFC 4861 §4.3 and §4.4, without options.
struct NeighbourMessage {
  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be32 flags;
  uint8_t target[16];
};
static_assert(sizeof(NeighbourMessage) == 24);

inline constexpr uint32_t kNaRouter = 0x80000000;
inline constexpr uint32_t kNaSolicited = 0x40000000;
inline constexpr uint32_t kNaOverride = 0x20000000;
inline constexpr uint8_t kNdSourceLinkLayer = 1;
inline constexpr uint8_t kNdTargetLinkLayer = 2;

}  // namespace sluice::upf
