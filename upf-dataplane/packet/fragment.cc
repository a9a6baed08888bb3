#include "upf-dataplane/packet/fragment.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/gre.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kL3 = sizeof(EthernetHeader);
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kOffsetMask = 0x1fff;
constexpr uint32_t kLargestPacket = 0xffff;
constexpr int kMaxIpv6Extensions = 8;

std::optional<FragmentPlace> checked(const FragmentPlace& place) {
  if (place.total_bytes <= place.data_offset) return std::nullopt;
  const uint32_t bytes = uint32_t{place.total_bytes} - place.data_offset;
  if (place.more && bytes % 8 != 0) return std::nullopt;
  if (place.offset + bytes > kLargestPacket) return std::nullopt;
  return place;
}

std::optional<FragmentPlace> place_v4(std::span<const uint8_t> packet) {
  const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
  if (!ip->is_fragment()) return std::nullopt;
  return checked({.identification = ip->identification,
                  .protocol = ip->protocol,
                  .more = (ip->flags_fragment & kMoreFragments) != 0,
                  .offset = (ip->flags_fragment & uint32_t{kOffsetMask}) * 8,
                  .data_offset = static_cast<uint16_t>(ip->header_bytes()),
                  .total_bytes = ip->total_length});
}

std::optional<FragmentPlace> place_v6(std::span<const uint8_t> packet) {
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
  const size_t total = sizeof(Ipv6Header) + ip->payload_length;
  uint8_t next = ip->next_header;
  size_t at = sizeof(Ipv6Header);
  for (int count = 0; count <= kMaxIpv6Extensions && at + 8 <= total; ++count) {
    if (next == kProtoFragment) {
      const auto* fragment = reinterpret_cast<const Ipv6FragmentHeader*>(packet.data() + at);
      const uint16_t word = fragment->offset_flags;
      if ((word & 0xfff9) == 0) return std::nullopt;  // alone: RFC 6946
      return checked({.identification = fragment->identification,
                      .protocol = fragment->next_header,
                      .more = (word & 1) != 0,
                      .offset = word & 0xfff8U,
                      .data_offset = static_cast<uint16_t>(at + sizeof(Ipv6FragmentHeader)),
                      .total_bytes = static_cast<uint16_t>(total)});
    }
    if (next != kProtoHopByHop && next != kProtoRouting && next != kProtoDestinationOptions) break;
    next = packet[at];
    at += (size_t{packet[at + 1]} + 1) * 8;
  }
  return std::nullopt;
}

// The header that fragments behind the first have: of its options only those that say so (RFC 791
// §3.1, the copied flag).
Bytes later_header(std::span<const uint8_t> header) {
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNothing = 1;
  constexpr uint8_t kCopied = 0x80;
  Bytes out(header.begin(), header.begin() + sizeof(Ipv4Header));
  for (size_t at = sizeof(Ipv4Header); at < header.size() && header[at] != kEnd;) {
    if (header[at] == kNothing) {
      ++at;
      continue;
    }
    const size_t length = at + 1 < header.size() ? header[at + 1] : 0;
    if (length < 2 || at + length > header.size()) break;
    const auto option = header.subspan(at, length);
    if ((header[at] & kCopied) != 0) out.insert(out.end(), option.begin(), option.end());
    at += length;
  }
  while (out.size() % 4 != 0) out.push_back(kEnd);
  out[0] = static_cast<uint8_t>(0x40 | out.size() / 4);
  return out;
}

void correct_outer(uint8_t* ip, uint16_t payload) {
  if (ip[0] >> 4 == 6) {
    reinterpret_cast<Ipv6Header*>(ip)->payload_length = payload;
    return;
  }
  auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
  const size_t header = v4->header_bytes();
  v4->total_length = static_cast<uint16_t>(header + payload);
  v4->checksum = 0;
  v4->checksum = ip_checksum(ip, header);
}

// Makes the tunnel in front of a user's packet of another length true again. False when it is
// neither GTP-U nor UDP alone nor GRE, which has no length or checksum of its own here.
bool correct_tunnel(Bytes& frame, size_t inner_offset) {
  if (inner_offset == kL3) return true;
  uint8_t* ip = frame.data() + kL3;
  const bool is_v6 = ip[0] >> 4 == 6;
  const size_t ip_bytes =
      is_v6 ? sizeof(Ipv6Header) : reinterpret_cast<const Ipv4Header*>(ip)->header_bytes();
  const uint8_t protocol = is_v6 ? reinterpret_cast<const Ipv6Header*>(ip)->next_header
                                 : reinterpret_cast<const Ipv4Header*>(ip)->protocol;
  const auto outer_payload = static_cast<uint16_t>(frame.size() - kL3 - ip_bytes);
  if (protocol == kProtoGre) {
    correct_outer(ip, outer_payload);
    return true;
  }
  const size_t gtp_offset = kL3 + ip_bytes + sizeof(UdpHeader);
  if (protocol != kProtoUdp || inner_offset < gtp_offset) return false;
  auto* udp = reinterpret_cast<UdpHeader*>(ip + ip_bytes);
  const uint16_t udp_bytes = outer_payload;
  if (inner_offset > gtp_offset) {  // otherwise it is UDP alone
    if (inner_offset < gtp_offset + sizeof(GtpuHeader) || udp->destination_port != kGtpuPort) {
      return false;
    }
    auto* gtp = reinterpret_cast<GtpuHeader*>(frame.data() + gtp_offset);
    gtp->length = static_cast<uint16_t>(frame.size() - gtp_offset - sizeof(GtpuHeader));
  }
  udp->length = udp_bytes;
  udp->checksum = 0;
  if (is_v6) {
    const auto* v6 = reinterpret_cast<const Ipv6Header*>(ip);
    const uint64_t pseudo =
        pseudo_header_sum(v6->source, v6->destination, 16, udp_bytes, kProtoUdp);
    udp->checksum =
        udp_checksum_finish(checksum_add(pseudo, reinterpret_cast<const uint8_t*>(udp), udp_bytes));
  }
  correct_outer(ip, outer_payload);
  return true;
}

}  // namespace

std::optional<FragmentPlace> fragment_place(std::span<const uint8_t> packet) {
  return packet[0] >> 4 == 4 ? place_v4(packet) : place_v6(packet);
}

std::vector<Bytes> cut_frame(std::span<const uint8_t> frame, size_t inner_offset, uint32_t mtu) {
  const auto packet = frame.subspan(inner_offset);
  const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
  const size_t total = ip->total_length;
  const uint16_t flags = ip->flags_fragment;
  const size_t overhead = inner_offset - kL3;
  Bytes header(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(ip->header_bytes()));
  auto data = packet.subspan(header.size(), total - header.size());
  uint32_t offset = flags & uint32_t{kOffsetMask};  // in units of eight bytes

  std::vector<Bytes> out;
  while (!data.empty()) {
    if (mtu < overhead + header.size() + 8) return {};
    const size_t room = mtu - overhead - header.size();
    const size_t bytes = data.size() <= room ? data.size() : room / 8 * 8;
    const bool more = bytes < data.size() || (flags & kMoreFragments) != 0;
    Bytes piece(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(inner_offset));
    piece.insert(piece.end(), header.begin(), header.end());
    piece.insert(piece.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(bytes));
    auto* own = reinterpret_cast<Ipv4Header*>(piece.data() + inner_offset);
    own->total_length = static_cast<uint16_t>(header.size() + bytes);
    own->flags_fragment = static_cast<uint16_t>((more ? kMoreFragments : 0U) | offset);
    own->checksum = 0;
    own->checksum = ip_checksum(piece.data() + inner_offset, header.size());
    if (!correct_tunnel(piece, inner_offset)) return {};
    out.push_back(std::move(piece));
    if (out.size() == 1) header = later_header(header);
    offset += static_cast<uint32_t>(bytes / 8);
    data = data.subspan(bytes);
  }
  return out;
}

}  // namespace sluice::upf
