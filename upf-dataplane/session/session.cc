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
      plain_(parts.sdf.empty() && parts.uplink.size() <= 1 && parts.downlink.size() <= 1) {
  auto* pdr = reinterpret_cast<CompiledPdr*>(this + 1);
  pdr = std::uninitialized_copy(parts.uplink.begin(), parts.uplink.end(), pdr);
  pdr = std::uninitialized_copy(parts.downlink.begin(), parts.downlink.end(), pdr);
  auto* meter = std::uninitialized_copy(parts.meters.begin(), parts.meters.end(),
                                        reinterpret_cast<Meter**>(pdr));
  auto* usage = std::uninitialized_copy(parts.usage.begin(), parts.usage.end(),
                                        reinterpret_cast<UsageMeter**>(meter));
  std::uninitialized_copy(parts.sdf.begin(), parts.sdf.end(),
                          reinterpret_cast<CompiledSdf*>(usage));
}

SessionPtr Session::make(const Parts& parts) {
  const size_t bytes =
      sizeof(Session) + (parts.uplink.size() + parts.downlink.size()) * sizeof(CompiledPdr) +
      parts.meters.size() * sizeof(Meter*) + parts.usage.size() * sizeof(UsageMeter*) +
      parts.sdf.size() * sizeof(CompiledSdf);
  void* memory = ::operator new(bytes, std::align_val_t{alignof(Session)});
  return SessionPtr(new (memory) Session(parts));
}

size_t Session::bytes() const {
  return sizeof(Session) + size_t{uplink_count_} * sizeof(CompiledPdr) +
         size_t{downlink_count_} * sizeof(CompiledPdr) + size_t{meter_count_} * sizeof(Meter*) +
         size_t{usage_count_} * sizeof(UsageMeter*) + size_t{sdf_count_} * sizeof(CompiledSdf);
}

void SessionDeleter::operator()(Session* session) const {
  session->~Session();
  ::operator delete(session, std::align_val_t{alignof(Session)});
}

bool Session::owns_source(const FlowKey& key) const {
  if (key.is_v6()) return ue_v6_ != 0 && std::memcmp(key.source, &ue_v6_, 8) == 0;
  return ue_v4_ != 0 && std::memcmp(key.source + kV4Offset, &ue_v4_, 4) == 0;
}

bool Session::owns_destination(const FlowKey& key) const {
  if (key.is_v6()) return ue_v6_ != 0 && std::memcmp(key.destination, &ue_v6_, 8) == 0;
  return ue_v4_ != 0 && std::memcmp(key.destination + kV4Offset, &ue_v4_, 4) == 0;
}

bool Session::sdf_matches(const CompiledPdr& pdr, const FlowKey& key, bool uplink) const {
  const CompiledSdf* first = sdfs() + pdr.sdf_first;
  return pdr.sdf_count == 0 || std::any_of(first, first + pdr.sdf_count, [&](const auto& sdf) {
           return sdf.matches(key, uplink);
         });
}

int Session::match_uplink(const FlowKey& key, uint32_t teid, PortIndex in_port) const {
  // No one may send as somebody else, whatever the PDRs leave open.
  if (!owns_source(key)) return -1;
  for (uint16_t i = 0; i < uplink_count_; ++i) {
    const CompiledPdr& pdr = uplink_pdr(i);
    if (pdr.teid == teid && (pdr.in_ports >> in_port & 1) != 0 && takes_family(pdr, key) &&
        takes_qfi(pdr, key) && sdf_matches(pdr, key, true)) {
      return i;
    }
  }
  return -1;
}

int Session::match_downlink(const FlowKey& key, PortIndex in_port) const {
  if (!owns_destination(key)) return -1;
  for (uint16_t i = 0; i < downlink_count_; ++i) {
    const CompiledPdr& pdr = downlink_pdr(i);
    if ((pdr.in_ports >> in_port & 1) != 0 && takes_family(pdr, key) &&
        sdf_matches(pdr, key, false)) {
      return i;
    }
  }
  return -1;
}

}  // namespace sluice::upf
