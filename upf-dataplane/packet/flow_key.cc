#include "upf-dataplane/packet/flow_key.h"

#include <array>
#include <bit>

namespace sluice::upf {
namespace {

// IPv6 extension headers before the payload; more than this is an attack, not a packet.
constexpr int kMaxIpv6Extensions = 8;

// What the headers behind the addresses say.
struct Upper {
  uint8_t protocol = 0;
  uint8_t tos = 0;
  uint8_t bits = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

uint64_t load64(const void* from) {
  uint64_t word;
  std::memcpy(&word, from, 8);
  return word;
}

// The second half of a mapped address: ffff and the address, as they lie in memory.
uint64_t mapped_v4(const Be32& address) { return 0xffff0000U | uint64_t{address.raw()} << 32; }

// Writes the key in whole words, which is how it is read again; see FlowKey::set_session().
void write_key(FlowKey& key, const std::array<uint64_t, 4> addresses, const Upper& upper,
               const FlowOrigin& from) {
  static_assert(std::endian::native == std::endian::little);
  const uint8_t bits = static_cast<uint8_t>(upper.bits | static_cast<uint8_t>(from.direction) |
                                            (from.has_qfi ? FlowKey::kHasQfi : 0));
  // Each straight to its place: gathered in an array first they would be copied by larger loads,
  // which wait until the stores are through.
  auto* const to = reinterpret_cast<uint8_t*>(&key);
  for (size_t i = 0; i < 4; ++i) std::memcpy(to + 8 * i, &addresses[i], 8);
  const uint64_t ports = uint64_t{upper.source_port} | uint64_t{upper.destination_port} << 16 |
                         uint64_t{upper.protocol} << 32 | uint64_t{upper.tos} << 40 |
                         uint64_t{from.qfi} << 48 | uint64_t{bits} << 56;
  const uint64_t origin = uint64_t{from.origin} << 32;
  std::memcpy(to + 32, &ports, 8);
  std::memcpy(to + 40, &origin, 8);
}

bool read_ports(std::span<const uint8_t> bytes, size_t at, size_t total, Upper& upper) {
  if (upper.protocol != kProtoTcp && upper.protocol != kProtoUdp && upper.protocol != kProtoSctp) {
    return true;
  }
  if (at + 4 > total) return false;  // claims to be the first fragment but has no ports
  Be16 ports[2];
  std::memcpy(static_cast<void*>(ports), bytes.data() + at, 4);
  upper.source_port = ports[0];
  upper.destination_port = ports[1];
  upper.bits |= FlowKey::kHasPorts;
  return true;
}

bool parse_v4(std::span<const uint8_t> bytes, const FlowOrigin& from, FlowKey& key,
              InnerLayout& layout) {
  if (bytes.size() < sizeof(Ipv4Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv4Header*>(bytes.data());
  const size_t header = ip->header_bytes();
  const size_t total = ip->total_length;
  if (header < sizeof(Ipv4Header) || total < header || total > bytes.size()) return false;
  Upper upper{.protocol = ip->protocol, .tos = ip->tos};
  layout.total_bytes = static_cast<uint16_t>(total);
  layout.l4_offset = 0;
  layout.is_fragment = ip->is_fragment();
  if (!ip->is_later_fragment()) {
    layout.l4_offset = static_cast<uint16_t>(header);
    if (!read_ports(bytes, header, total, upper)) return false;
  }
  write_key(key, {0, mapped_v4(ip->source), 0, mapped_v4(ip->destination)}, upper, from);
  return true;
}

// Walks the extension headers to the upper layer. False when they do not end within the packet.
bool find_upper(std::span<const uint8_t> bytes, uint8_t next, size_t total, Upper& upper,
                InnerLayout& layout) {
  size_t at = sizeof(Ipv6Header);
  for (int count = 0; count <= kMaxIpv6Extensions; ++count) {
    switch (next) {
      case kProtoHopByHop:
      case kProtoRouting:
      case kProtoDestinationOptions:
        if (at + 8 > total) return false;
        next = bytes[at];
        at += (size_t{bytes[at + 1]} + 1) * 8;
        break;
      case kProtoFragment: {
        if (at + sizeof(Ipv6FragmentHeader) > total) return false;
        const auto* fragment = reinterpret_cast<const Ipv6FragmentHeader*>(bytes.data() + at);
        next = fragment->next_header;
        at += sizeof(Ipv6FragmentHeader);
        layout.is_fragment = (fragment->offset_flags & 0xfff9) != 0;
        if ((fragment->offset_flags & 0xfff8) != 0) {
          upper.protocol = next;
          return true;
        }
        break;
      }
      case kProtoAh:
        if (at + 8 > total) return false;
        next = bytes[at];
        at += (size_t{bytes[at + 1]} + 2) * 4;
        break;
      default:
        if (at > total) return false;
        upper.protocol = next;
        layout.l4_offset = static_cast<uint16_t>(at);
        return read_ports(bytes, at, total, upper);
    }
  }
  return false;
}

bool parse_v6(std::span<const uint8_t> bytes, const FlowOrigin& from, FlowKey& key,
              InnerLayout& layout) {
  if (bytes.size() < sizeof(Ipv6Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(bytes.data());
  const size_t total = sizeof(Ipv6Header) + ip->payload_length;
  if (total > bytes.size() || total > 0xffff) return false;
  Upper upper{.tos = ip->traffic_class(), .bits = FlowKey::kIsV6};
  layout.total_bytes = static_cast<uint16_t>(total);
  layout.l4_offset = 0;
  layout.is_fragment = false;
  if (!find_upper(bytes, ip->next_header, total, upper, layout)) return false;
  write_key(key,
            {load64(ip->source), load64(ip->source + 8), load64(ip->destination),
             load64(ip->destination + 8)},
            upper, from);
  return true;
}

}  // namespace

bool parse_inner(std::span<const uint8_t> bytes, const FlowOrigin& from, FlowKey& key,
                 InnerLayout& layout) {
  if (bytes.empty()) return false;
  switch (bytes[0] >> 4) {
    case 4:
      return parse_v4(bytes, from, key, layout);
    case 6:
      return parse_v6(bytes, from, key, layout);
    default:
      return false;
  }
}

}  // namespace sluice::upf
