#include "upf-dataplane/packet/icmp_error.h"

#include <algorithm>
#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr uint8_t kHops = 64;
// The whole message, so that it passes anywhere: RFC 1812 §4.3.2.3 and RFC 4443 §2.4 (c).
constexpr size_t kLargestV4 = 576;
constexpr size_t kLargestV6 = 1280;

constexpr uint8_t kV4Unreachable = 3;
constexpr uint8_t kV4FragmentationNeeded = 4;  // code
constexpr uint8_t kV4TimeExceeded = 11;
constexpr uint8_t kV6TooBig = 2;
constexpr uint8_t kV6TimeExceeded = 3;

bool is_v4_error(uint8_t type) {
  return type == kV4Unreachable || type == 4 || type == 5 || type == kV4TimeExceeded || type == 12;
}

bool is_v6_error(uint8_t type) { return type < 128 || type == 137; }  // and redirect

bool is_v4_host(const uint8_t* address) {
  return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

bool is_v6_host(const uint8_t* address) {
  return address[0] != 0xff &&
         std::any_of(address, address + 16, [](uint8_t byte) { return byte != 0; });
}

// Type, code, checksum and the word behind them.
void write_icmp(uint8_t* at, uint8_t type, uint8_t code, uint32_t rest) {
  auto* icmp = reinterpret_cast<IcmpHeader*>(at);
  icmp->type = type;
  icmp->code = code;
  icmp->checksum = 0;
  icmp->identifier = static_cast<uint16_t>(rest >> 16);
  icmp->sequence = static_cast<uint16_t>(rest);
}

bool make_v4(Packet& packet, IcmpError error, uint32_t mtu, const uint8_t* own) {
  constexpr uint16_t kAdded = sizeof(Ipv4Header) + sizeof(IcmpHeader);
  if (packet.headroom < kAdded) return false;
  uint8_t sender[4];
  std::memcpy(sender, packet.data + 12, 4);
  packet.truncate(std::min<uint32_t>(packet.length, kLargestV4 - kAdded));
  packet.prepend(kAdded);
  auto* ip = reinterpret_cast<Ipv4Header*>(packet.data);
  *ip = {.version_ihl = 0x45,
         .tos = 0xc0,  // RFC 1812 §4.3.2.5
         .total_length = static_cast<uint16_t>(packet.length),
         .identification = 0,
         .flags_fragment = 0x4000,  // whoever fragments it may not, so it needs no identification
         .ttl = kHops,
         .protocol = kProtoIcmp,
         .checksum = 0,
         .source = {},
         .destination = {}};
  std::memcpy(packet.data + 12, own, 4);
  std::memcpy(packet.data + 16, sender, 4);
  ip->checksum = ip_checksum(packet.data, sizeof(Ipv4Header));
  uint8_t* message = packet.data + sizeof(Ipv4Header);
  if (error == IcmpError::kTooBig) {
    write_icmp(message, kV4Unreachable, kV4FragmentationNeeded, std::min<uint32_t>(mtu, 0xffff));
  } else {
    write_icmp(message, kV4TimeExceeded, 0, 0);
  }
  reinterpret_cast<IcmpHeader*>(message)->checksum =
      ip_checksum(message, packet.length - sizeof(Ipv4Header));
  return true;
}

bool make_v6(Packet& packet, IcmpError error, uint32_t mtu, const uint8_t* own) {
  constexpr uint16_t kAdded = sizeof(Ipv6Header) + sizeof(IcmpHeader);
  if (packet.headroom < kAdded) return false;
  uint8_t sender[16];
  std::memcpy(sender, reinterpret_cast<const Ipv6Header*>(packet.data)->source, 16);
  packet.truncate(std::min<uint32_t>(packet.length, kLargestV6 - kAdded));
  packet.prepend(kAdded);
  auto* ip = reinterpret_cast<Ipv6Header*>(packet.data);
  const auto bytes = static_cast<uint16_t>(packet.length - sizeof(Ipv6Header));
  ip->version_class_label = 0x60000000U;
  ip->payload_length = bytes;
  ip->next_header = kProtoIcmpv6;
  ip->hop_limit = kHops;
  std::memcpy(ip->source, own, 16);
  std::memcpy(ip->destination, sender, 16);
  uint8_t* message = packet.data + sizeof(Ipv6Header);
  if (error == IcmpError::kTooBig) {
    write_icmp(message, kV6TooBig, 0, mtu);
  } else {
    write_icmp(message, kV6TimeExceeded, 0, 0);
  }
  const uint64_t pseudo = pseudo_header_sum(ip->source, ip->destination, 16, bytes, kProtoIcmpv6);
  reinterpret_cast<IcmpHeader*>(message)->checksum =
      checksum_finish(checksum_add(pseudo, message, bytes));
  return true;
}

}  // namespace

bool is_icmp_error(uint8_t protocol, uint8_t type) {
  return protocol == kProtoIcmp ? is_v4_error(type) : protocol == kProtoIcmpv6 && is_v6_error(type);
}

bool deserves_icmp_error(std::span<const uint8_t> packet, uint8_t protocol, size_t l4_offset) {
  const bool is_v6 = packet[0] >> 4 == 6;
  if (l4_offset == 0) return false;
  if (protocol == (is_v6 ? kProtoIcmpv6 : kProtoIcmp) &&
      (l4_offset >= packet.size() || is_icmp_error(protocol, packet[l4_offset]))) {
    return false;
  }
  if (is_v6) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
    return is_v6_host(ip->source) && is_v6_host(ip->destination);
  }
  return is_v4_host(packet.data() + 12) && is_v4_host(packet.data() + 16);
}

bool make_icmp_error(Packet& packet, IcmpError error, uint32_t mtu, const uint8_t* own) {
  return packet.data[0] >> 4 == 6 ? make_v6(packet, error, mtu, own)
                                  : make_v4(packet, error, mtu, own);
}

}  // namespace sluice::upf
