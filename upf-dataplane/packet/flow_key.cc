#include "upf-dataplane/packet/flow_key.h"

namespace sluice::upf {
namespace {

// IPv6 extension headers before the payload; more than this is an attack, not a packet.
constexpr int kMaxIpv6Extensions = 8;

void map_v4(uint8_t* to, const Be32& address) {
  constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::memcpy(to, kPrefix, 12);
  std::memcpy(to + 12, &address, 4);
}

bool parse_ports(std::span<const uint8_t> bytes, size_t at, size_t total, FlowKey& key) {
  if (key.protocol != kProtoTcp && key.protocol != kProtoUdp && key.protocol != kProtoSctp) {
    return true;
  }
  if (at + 4 > total) return false;  // claims to be the first fragment but has no ports
  Be16 ports[2];
  std::memcpy(ports, bytes.data() + at, 4);
  key.source_port = ports[0];
  key.destination_port = ports[1];
  key.bits |= FlowKey::kHasPorts;
  return true;
}

bool parse_v4(std::span<const uint8_t> bytes, FlowKey& key, InnerLayout& layout) {
  if (bytes.size() < sizeof(Ipv4Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv4Header*>(bytes.data());
  const size_t header = ip->header_bytes();
  const size_t total = ip->total_length;
  if (header < sizeof(Ipv4Header) || total < header || total > bytes.size()) return false;
  map_v4(key.source, ip->source);
  map_v4(key.destination, ip->destination);
  key.protocol = ip->protocol;
  key.tos = ip->tos;
  layout.total_bytes = static_cast<uint16_t>(total);
  if (ip->is_later_fragment()) return true;
  layout.l4_offset = static_cast<uint16_t>(header);
  return parse_ports(bytes, header, total, key);
}

bool parse_v6(std::span<const uint8_t> bytes, FlowKey& key, InnerLayout& layout) {
  if (bytes.size() < sizeof(Ipv6Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(bytes.data());
  const size_t total = sizeof(Ipv6Header) + ip->payload_length;
  if (total > bytes.size() || total > 0xffff) return false;
  std::memcpy(key.source, ip->source, 16);
  std::memcpy(key.destination, ip->destination, 16);
  key.tos = ip->traffic_class();
  key.bits |= FlowKey::kIsV6;
  layout.total_bytes = static_cast<uint16_t>(total);

  uint8_t next = ip->next_header;
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
        if ((fragment->offset_flags & 0xfff8) != 0) {
          key.protocol = next;
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
        key.protocol = next;
        layout.l4_offset = static_cast<uint16_t>(at);
        return parse_ports(bytes, at, total, key);
    }
  }
  return false;
}

}  // namespace

bool parse_inner(std::span<const uint8_t> bytes, FlowKey& key, InnerLayout& layout) {
  std::memset(&key, 0, sizeof key);
  layout = {};
  if (bytes.empty()) return false;
  switch (bytes[0] >> 4) {
    case 4:
      return parse_v4(bytes, key, layout);
    case 6:
      return parse_v6(bytes, key, layout);
    default:
      return false;
  }
}

}  // namespace sluice::upf
