#include "upf-dataplane/session/session.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "upf-dataplane/packet/address_mask.h"

namespace sluice::upf {
namespace {

constexpr size_t kV4Offset = 12;  // of the address within its mapped form

bool in_either(const PortRange (&ranges)[2], uint16_t port) {
  return (ranges[0].low <= port && port <= ranges[0].high) ||
         (ranges[1].low <= port && port <= ranges[1].high);
}

// Whether no packet from or to the address passes a router: link-local, unspecified, or a group of
// the link (RFC 4291 §2.5.2, §2.5.6, §2.7).
bool is_of_link(const uint8_t* address, bool is_v6) {
  if (!is_v6) return false;
  if (address[0] == 0xff) return (address[1] & 0x0f) == 2;
  const Ipv6Address whole = Ipv6Address::from_bytes(address);
  return whole.is_link_local() || whole == Ipv6Address();
}

}  // namespace

bool CompiledSdf::matches(const FlowKey& key, bool uplink) const {
  if ((key.bits & family_mask) != family_bits) return false;
  if (!any_protocol && key.protocol != protocol) return false;
  if ((key.tos & tos_mask) != tos_value) return false;
  const uint8_t* packet_remote = uplink ? key.destination : key.source;
  const uint8_t* packet_local = uplink ? key.source : key.destination;
  if (!mask_matches(packet_remote, remote, remote_mask)) return false;
  if (!mask_matches(packet_local, local, local_mask)) return false;
  if (any_remote_port && any_local_port) return true;
  if (!key.has_ports()) return false;
  const uint16_t remote_port = uplink ? key.destination_port : key.source_port;
  const uint16_t local_port = uplink ? key.source_port : key.destination_port;
  return (any_remote_port || in_either(remote_ports, remote_port)) &&
         (any_local_port || in_either(local_ports, local_port));
}

Session::Session(const Parts& parts)
    : ue_v6_(parts.ue_v6),
      version_(parts.version),
      slot_(parts.slot),
      ue_v4_(parts.ue_v4),
      uplink_count_(static_cast<uint16_t>(parts.uplink.size())),
      downlink_count_(static_cast<uint16_t>(parts.downlink.size())),
      sdf_count_(static_cast<uint16_t>(parts.sdf.size())),
      meter_count_(static_cast<uint16_t>(parts.meters.size())),
      usage_count_(static_cast<uint16_t>(parts.usage.size())),
      from_cp_count_(static_cast<uint16_t>(parts.from_cp.size())),
      prefix_count_(static_cast<uint16_t>(parts.prefixes.size())),
      network_(parts.network),
      serial_(parts.serial),
      plain_(parts.sdf.empty() && parts.uplink.size() <= 1 && parts.downlink.size() <= 1),
      has_core_tunnels_(std::ranges::any_of(
          parts.downlink,
          [](auto& pdr) { return pdr.teid != 0 && pdr.teid != CompiledPdr::kUdpTunnel; })),
      redirects_(std::ranges::any_of(
          parts.extras,
          [](auto& extras) { return extras.redirect && extras.redirect->response.empty(); })),
      is_unusual_(has_core_tunnels_ || redirects_),
      has_addresses_(parts.ue_v4 != 0 || parts.ue_v6 != 0 || !parts.prefixes.empty()),
      wants_ports_(redirects_ || std::ranges::any_of(parts.sdf,
                                                     [](const CompiledSdf& sdf) {
                                                       return !sdf.any_remote_port ||
                                                              !sdf.any_local_port;
                                                     })),
      extras_(parts.extras.empty() ? nullptr
                                   : std::make_unique<const std::vector<PdrExtras>>(parts.extras)) {
  std::uninitialized_copy(parts.downlink.rbegin(), parts.downlink.rend(),
                          reinterpret_cast<CompiledPdr*>(this) - downlink_count_);
  auto* pdr = std::uninitialized_copy(parts.uplink.begin(), parts.uplink.end(),
                                      reinterpret_cast<CompiledPdr*>(this + 1));
  pdr = std::uninitialized_copy(parts.from_cp.begin(), parts.from_cp.end(), pdr);
  auto* meter = std::uninitialized_copy(parts.meters.begin(), parts.meters.end(),
                                        reinterpret_cast<Meter**>(pdr));
  auto* usage = std::uninitialized_copy(parts.usage.begin(), parts.usage.end(),
                                        reinterpret_cast<UsageMeter**>(meter));
  auto* sdf = std::uninitialized_copy(parts.sdf.begin(), parts.sdf.end(),
                                      reinterpret_cast<CompiledSdf*>(usage));
  std::uninitialized_copy(parts.prefixes.begin(), parts.prefixes.end(),
                          reinterpret_cast<CompiledPrefix*>(sdf));
}

SessionPtr Session::make(const Parts& parts, std::pmr::memory_resource& memory) {
  const size_t pdrs = parts.uplink.size() + parts.downlink.size() + parts.from_cp.size();
  const size_t bytes =
      sizeof(Session) + pdrs * sizeof(CompiledPdr) + parts.meters.size() * sizeof(Meter*) +
      parts.usage.size() * sizeof(UsageMeter*) + parts.sdf.size() * sizeof(CompiledSdf) +
      parts.prefixes.size() * sizeof(CompiledPrefix);
  auto* begin = static_cast<std::byte*>(memory.allocate(bytes, alignof(Session)));
  void* header = begin + parts.downlink.size() * sizeof(CompiledPdr);
  return {new (header) Session(parts), SessionDeleter{&memory}};
}

size_t Session::bytes() const {
  return sizeof(Session) + uplink_pdrs().size_bytes() + downlink_pdrs().size_bytes() +
         cp_pdrs().size_bytes() + size_t{meter_count_} * sizeof(Meter*) +
         size_t{usage_count_} * sizeof(UsageMeter*) + size_t{sdf_count_} * sizeof(CompiledSdf) +
         size_t{prefix_count_} * sizeof(CompiledPrefix);
}

void SessionDeleter::operator()(Session* session) const {
  auto* const begin = const_cast<std::byte*>(session->begin());
  const size_t bytes = session->bytes();
  session->~Session();
  memory->deallocate(begin, bytes, alignof(Session));
}

uint8_t Session::families_of(const uint8_t* address, bool is_v6) const {
  if (is_v6 ? ue_v6_ != 0 && std::memcmp(address, &ue_v6_, 8) == 0
            : ue_v4_ != 0 && std::memcmp(address + kV4Offset, &ue_v4_, 4) == 0) {
    return is_v6 ? CompiledPdr::kV6 : CompiledPdr::kV4;
  }
  if (!has_addresses_) return CompiledPdr::kV4 | CompiledPdr::kV6;
  return prefix_count_ == 0 ? 0 : families_of_prefixes(address, is_v6);
}

uint8_t Session::families_of_prefixes(const uint8_t* address, bool is_v6) const {
  const auto* first = prefixes();
  const auto* end = first + prefix_count_;
  const auto* found = std::find_if(first, end, [&](const CompiledPrefix& prefix) {
    return mask_matches(address, prefix.value, prefix.mask);
  });
  if (found == end) return 0;
  if (found->is_framed) return CompiledPdr::kFramed;
  return is_v6 ? CompiledPdr::kV6 : CompiledPdr::kV4;
}

bool Session::sdf_matches(const CompiledPdr& pdr, const FlowKey& key, bool uplink) const {
  const CompiledSdf* first = sdfs() + pdr.sdf_first;
  return pdr.sdf_count == 0 || std::any_of(first, first + pdr.sdf_count, [&](const auto& sdf) {
           return sdf.matches(key, uplink);
         });
}

bool Session::find_core_tunnel(uint32_t teid) const {
  if (teid == CompiledPdr::kUdpTunnel) return false;
  for (uint16_t i = 0; i < downlink_count_; ++i) {
    if (downlink_pdr(i).teid == teid) return true;
  }
  return false;
}

bool Session::has_udp_tunnel(const uint8_t* peer, uint16_t port) const {
  return std::ranges::any_of(uplink_pdrs(), [&](const CompiledPdr& pdr) {
    if (pdr.extras == 0 || extras(pdr).udp_port != port) return false;
    const uint8_t* address = pdr.peer_is_v6 ? peer : peer + kV4Offset;
    const bool is_v6 = !IpAddress(Ipv6Address::from_bytes(peer)).is_v4();
    return pdr.peer_is_v6 == is_v6 && std::memcmp(pdr.peer, address, is_v6 ? 16 : 4) == 0;
  });
}

int Session::match_uplink(const FlowKey& key, uint32_t teid, PortIndex in_port) const {
  // No one may send as somebody else, whatever the PDRs leave open.
  const uint8_t family = families_of(key.source, key.is_v6());
  if (family == 0) return -1;
  for (uint16_t i = 0; i < uplink_count_; ++i) {
    const CompiledPdr& pdr = uplink_pdr(i);
    if (pdr.teid == teid && (pdr.in_ports >> in_port & 1) != 0 && (pdr.families & family) != 0 &&
        takes_qfi(pdr, key) && sdf_matches(pdr, key, true)) {
      return i;
    }
  }
  return -1;
}

int Session::match_downlink(const FlowKey& key, PortIndex in_port) const {
  const uint8_t family = families_of(key.destination, key.is_v6());
  if (family == 0) return -1;
  const uint32_t teid = (key.bits & FlowKey::kTunnelled) != 0 ? key.origin : 0;
  for (uint16_t i = 0; i < downlink_count_; ++i) {
    const CompiledPdr& pdr = downlink_pdr(i);
    if (pdr.teid == teid && (pdr.in_ports >> in_port & 1) != 0 && (pdr.families & family) != 0 &&
        sdf_matches(pdr, key, false)) {
      return i;
    }
  }
  return -1;
}

const CompiledPdr* Session::match_to_cp(const FlowKey& key, uint32_t teid,
                                        PortIndex in_port) const {
  if (!is_of_link(key.source, key.is_v6())) return nullptr;
  for (uint16_t i = 0; i < uplink_count_; ++i) {
    const CompiledPdr& pdr = uplink_pdr(i);
    if ((pdr.special & CompiledPdr::kToCp) != 0 && pdr.teid == teid &&
        (pdr.in_ports >> in_port & 1) != 0 && takes_qfi(pdr, key) && sdf_matches(pdr, key, true)) {
      return &pdr;
    }
  }
  return nullptr;
}

const CompiledPdr* Session::match_from_cp(const FlowKey& key, uint32_t teid,
                                          PortIndex in_port) const {
  if (!is_of_link(key.destination, key.is_v6()) && families_of(key.destination, key.is_v6()) == 0) {
    return nullptr;
  }
  for (const CompiledPdr& pdr : cp_pdrs()) {
    if (pdr.teid == teid && (pdr.in_ports >> in_port & 1) != 0 && sdf_matches(pdr, key, false)) {
      return &pdr;
    }
  }
  return nullptr;
}

}  // namespace sluice::upf
