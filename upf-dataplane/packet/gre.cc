#include "upf-dataplane/packet/gre.h"

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/outer_ip.h"

namespace sluice::upf {
namespace {

constexpr uint16_t kChecksumPresent = 0x8000;
constexpr uint16_t kKeyPresent = 0x2000;
constexpr uint16_t kSequencePresent = 0x1000;
// RFC 2784 §2.3: who sees one of bits 1 to 5 set (of which RFC 2890 has taken two) must discard the
// packet; §2.3.1: the version is 0. The other bits are ignored.
constexpr uint16_t kMustBeZero = 0x4c07;

struct GreBase {
  Be16 flags;
  Be16 protocol;  // an Ethernet type
};
static_assert(sizeof(GreBase) == 4);

constexpr size_t kWord = 4;  // of each optional part

}  // namespace

uint16_t gre_overhead(const GreHeader& tunnel) {
  return static_cast<uint16_t>((tunnel.is_v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header)) +
                               sizeof(GreBase) + (tunnel.key ? kWord : 0));
}

bool encapsulate_gre(Packet& packet, const GreHeader& tunnel) {
  const bool payload_is_v6 = packet.data[0] >> 4 == 6;
  if (!packet.prepend(gre_overhead(tunnel))) return false;
  const OuterIp outer{.source = tunnel.source,
                      .destination = tunnel.destination,
                      .is_v6 = tunnel.is_v6,
                      .protocol = kProtoGre};
  write_outer_ip(packet.data, outer, packet.length - outer.bytes());
  auto* gre = reinterpret_cast<GreBase*>(packet.data + outer.bytes());
  gre->flags = tunnel.key ? kKeyPresent : uint16_t{0};
  gre->protocol = payload_is_v6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  if (tunnel.key) *reinterpret_cast<Be32*>(gre + 1) = *tunnel.key;
  return true;
}

std::optional<GreView> parse_gre(std::span<const uint8_t> bytes) {
  if (bytes.size() < sizeof(GreBase)) return std::nullopt;
  const auto* base = reinterpret_cast<const GreBase*>(bytes.data());
  const uint16_t flags = base->flags;
  if ((flags & kMustBeZero) != 0) return std::nullopt;
  GreView view{.key = {}, .header_bytes = sizeof(GreBase)};
  if ((flags & kChecksumPresent) != 0) view.header_bytes += kWord;
  const size_t key_at = view.header_bytes;
  if ((flags & kKeyPresent) != 0) view.header_bytes += kWord;
  if ((flags & kSequencePresent) != 0) view.header_bytes += kWord;
  if (bytes.size() < view.header_bytes) return std::nullopt;
  if ((flags & kChecksumPresent) != 0 &&
      checksum_fold(checksum_add(0, bytes.data(), bytes.size())) != 0xffff) {
    return std::nullopt;
  }
  if ((flags & kKeyPresent) != 0) {
    view.key = *reinterpret_cast<const Be32*>(bytes.data() + key_at);
  }
  const uint16_t protocol = base->protocol;
  if (protocol != kEtherTypeIpv4 && protocol != kEtherTypeIpv6) return std::nullopt;
  view.payload_is_v6 = protocol == kEtherTypeIpv6;
  return view;
}

}  // namespace sluice::upf
