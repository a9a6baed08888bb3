#include "upf-dataplane/session/compile_session.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "upf-dataplane/packet/address_mask.h"
#include "upf-dataplane/session/compile_addresses.h"
#include "upf-dataplane/session/compile_far.h"

namespace sluice::upf {
namespace {

constexpr PortRange kEmptyRange{1, 0};

void set_prefix(const std::optional<IpPrefix>& prefix, uint8_t* value, uint8_t* mask,
                CompiledSdf& sdf) {
  std::memset(value, 0, 16);
  std::memset(mask, 0, 16);
  if (!prefix) return;
  sdf.family_mask = FlowKey::kIsV6;
  sdf.family_bits = prefix->is_v4() ? 0 : FlowKey::kIsV6;
  set_address_mask(*prefix, value, mask);
}

// The next two ranges of a list from `at` on, the second possibly empty.
void two_ranges(const std::vector<PortRange>& from, size_t at, PortRange (&to)[2]) {
  to[0] = at < from.size() ? from[at] : kEmptyRange;
  to[1] = at + 1 < from.size() ? from[at + 1] : kEmptyRange;
}

// A filter with long port lists becomes several with at most two ranges a side.
void append_sdf(const SdfFilter& filter, std::vector<CompiledSdf>& out) {
  CompiledSdf sdf{};
  set_prefix(filter.remote, sdf.remote, sdf.remote_mask, sdf);
  set_prefix(filter.local, sdf.local, sdf.local_mask, sdf);
  sdf.any_protocol = !filter.protocol;
  sdf.protocol = filter.protocol.value_or(0);
  sdf.tos_mask = filter.tos_value ? filter.tos_mask : 0;
  sdf.tos_value = static_cast<uint8_t>(filter.tos_value.value_or(0) & sdf.tos_mask);
  sdf.any_remote_port = filter.remote_ports.empty();
  sdf.any_local_port = filter.local_ports.empty();
  for (size_t r = 0; r == 0 || r < filter.remote_ports.size(); r += 2) {
    for (size_t l = 0; l == 0 || l < filter.local_ports.size(); l += 2) {
      two_ranges(filter.remote_ports, r, sdf.remote_ports);
      two_ranges(filter.local_ports, l, sdf.local_ports);
      out.push_back(sdf);
    }
  }
}

Result<void> compile_sdf(const Pdr& pdr, CompiledPdr& out, Session::Parts& parts) {
  out.sdf_first = static_cast<uint16_t>(parts.sdf.size());
  for (const auto& filter : pdr.sdf) {
    if (filter.spi || filter.flow_label) {
      return unsupported("SDF Filter", pdr, "SPI and flow label are not compared here");
    }
    append_sdf(filter, parts.sdf);
  }
  if (parts.sdf.size() > 0xffff) {
    return std::unexpected(
        Error{ErrorCode::kResourceExhausted, "too many SDF filters", "SDF Filter"});
  }
  out.sdf_count = static_cast<uint16_t>(parts.sdf.size() - out.sdf_first);
  return {};
}

// The ports whose packets a PDR with this source interface takes.
uint16_t in_ports(const Pdr& pdr, std::span<const Port> ports) {
  uint16_t mask = 0;
  for (size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const bool same_network = pdr.network_instance.empty() || port.network_instance.empty() ||
                              port.network_instance == pdr.network_instance;
    const bool matches =
        pdr.f_teid
            ? carries_tunnels(port.role) && same_network
            // What a local app sends is, to N4, traffic from the data network.
            : (port.role == PortRole::kN6 && same_network) || port.role == PortRole::kLocalDn;
    if (matches) mask = static_cast<uint16_t>(mask | 1U << i);
  }
  return mask;
}

// The most rules of a kind that a compiled PDR and the whole session have room to name.
constexpr size_t kMostOfPdr = 0xff;
constexpr size_t kMostOfSession = 0xffff;

Result<void> check_room(const Pdr& pdr, size_t first, size_t end, const char* ie) {
  if (end - first <= kMostOfPdr && end <= kMostOfSession) return {};
  return std::unexpected(
      Error{ErrorCode::kResourceExhausted,
            fmt::format("PDR {}: more than {} of a PDR or {} of the session's PDRs together",
                        pdr.id.value(), kMostOfPdr, kMostOfSession),
            ie});
}

Result<void> compile_qers(const Pdr& pdr, const SessionSpec& spec, const RuleState& state,
                          CompiledPdr& out, Session::Parts& parts) {
  const bool uplink = pdr.source == Interface::kAccess;
  out.meters_first = static_cast<uint16_t>(parts.meters.size());
  for (const auto id : pdr.qers) {
    const auto found = spec.qers.find(id);
    if (found == spec.qers.end()) {
      return bad_field("QER ID", "PDR {} names QER {}, which does not exist", pdr.id.value(),
                       id.value());
    }
    const Qer& qer = found->second;
    out.gate_open &= uplink ? qer.uplink_open : qer.downlink_open;
    if (qer.qfi) {
      out.has_qfi_mark = true;
      out.qfi_mark = qer.qfi->value();
    }
    if (qer.reflective) out.paging_bits |= CompiledPdr::kReflective;
    if (qer.paging_policy) {
      out.paging_bits =
          static_cast<uint8_t>((out.paging_bits & CompiledPdr::kReflective) |
                               CompiledPdr::kPagingPolicyPresent | *qer.paging_policy);
    }
    QerMeters* const limits = state.meter(id);
    if (qer.mbr) parts.meters.push_back(uplink ? &limits->uplink : &limits->downlink);
    if (qer.packet_rates && (uplink ? qer.packet_rates->uplink : qer.packet_rates->downlink)) {
      const auto extras = extras_of(out, parts);
      if (!extras) return std::unexpected(extras.error());
      (*extras)->packet_limits.push_back(uplink ? &limits->packets->uplink
                                                : &limits->packets->downlink);
    }
  }
  const size_t limits_end = parts.meters.size();
  for (const auto id : pdr.qers) {
    if (QerMeters* meters = state.guarantee(id)) {
      parts.meters.push_back(uplink ? &meters->uplink : &meters->downlink);
    }
  }
  if (auto room = check_room(pdr, out.meters_first, parts.meters.size(), "QER ID"); !room) {
    return room;
  }
  out.meter_count = static_cast<uint8_t>(limits_end - out.meters_first);
  out.guarantee_count = static_cast<uint8_t>(parts.meters.size() - limits_end);
  if (out.meter_count + out.guarantee_count > 0 || out.extras != 0) {
    out.special |= CompiledPdr::kHasMeters;
  }
  return {};
}

Result<void> compile_urrs(const Pdr& pdr, const SessionSpec& spec, const RuleState& state,
                          CompiledPdr& out, Session::Parts& parts,
                          std::vector<std::optional<FarId>>& quota_fars) {
  out.usage_first = static_cast<uint16_t>(parts.usage.size());
  for (const auto id : pdr.urrs) {
    const auto found = spec.urrs.find(id);
    if (found == spec.urrs.end()) {
      return bad_field("URR ID", "PDR {} names URR {}, which does not exist", pdr.id.value(),
                       id.value());
    }
    if (found->second.is_inactive) continue;
    parts.usage.push_back(state.usage_meter(id));
    quota_fars.push_back(found->second.quota_far);
  }
  if (auto room = check_room(pdr, out.usage_first, parts.usage.size(), "URR ID"); !room) {
    return room;
  }
  out.usage_count = static_cast<uint8_t>(parts.usage.size() - out.usage_first);
  if (out.usage_count > 0) out.special |= CompiledPdr::kHasUsage;
  return {};
}

Result<CompiledPdr> compile_pdr(const Pdr& pdr, const SessionSpec& spec, const RuleState& state,
                                std::span<const Port> ports, NextHopResolver& resolver,
                                Session::Parts& parts) {
  const bool uplink = pdr.source == Interface::kAccess;
  if ((uplink || pdr.source == Interface::kCpFunction) && !pdr.f_teid) {
    return bad_field("F-TEID", "PDR {} detects packets from {} without it", pdr.id.value(),
                     uplink ? "Access" : "the CP function");
  }
  if (pdr.f_teid && !pdr.remove_outer_header) {
    return unsupported("Outer Header Removal", pdr, "packets of a tunnel leave it");
  }
  if (pdr.remove_udp_header && (pdr.f_teid || pdr.source == Interface::kAccess)) {
    return unsupported("Outer Header Removal", pdr, "UDP/IP comes from data networks only");
  }
  const auto far = spec.fars.find(pdr.far);
  if (far == spec.fars.end()) {
    return bad_field("FAR ID", "PDR {} names FAR {}, which does not exist", pdr.id.value(),
                     pdr.far.value());
  }

  CompiledPdr out;
  out.id = pdr.id.value();
  out.teid = pdr.f_teid              ? pdr.f_teid->teid.value()
             : pdr.remove_udp_header ? CompiledPdr::kUdpTunnel
                                     : 0;
  out.in_ports = in_ports(pdr, ports);
  if (out.in_ports == 0) {
    return bad_field("Network Instance", "PDR {}: no port serves '{}'", pdr.id.value(),
                     pdr.network_instance);
  }
  out.families = families(pdr);
  if (!pdr.qfis.empty()) {
    out.qfis = 0;
    for (const auto qfi : pdr.qfis) out.qfis |= uint64_t{1} << (qfi.value() & 63);
  }
  if (auto done = compile_sdf(pdr, out, parts); !done) return std::unexpected(done.error());
  std::vector<std::optional<FarId>> quota_fars;
  if (auto done = compile_urrs(pdr, spec, state, out, parts, quota_fars); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = compile_qers(pdr, spec, state, out, parts); !done) {
    return std::unexpected(done.error());
  }
  const CompiledPdr base = out;
  if (auto done = apply_far(pdr, far->second, ports, resolver, out, parts); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = compile_quota_actions(pdr, spec, quota_fars, ports, resolver, base, out, parts);
      !done) {
    return std::unexpected(done.error());
  }
  return out;
}

}  // namespace

Result<Session::Parts> compile_session(const SessionSpec& spec, const RuleState& state,
                                       std::span<const Port> ports, NextHopResolver& resolver) {
  std::vector<const Pdr*> ordered;
  for (const auto& [id, pdr] : spec.pdrs) ordered.push_back(&pdr);
  // Lower precedence values win; the map's order by id decides among equals.
  std::ranges::stable_sort(ordered, {}, &Pdr::precedence);

  Session::Parts parts{};
  // A UPF between others (N9) need not know the address: another checks it.
  const bool between = std::ranges::all_of(spec.pdrs, [&](const auto& entry) {
    const auto far = spec.fars.find(entry.second.far);
    return entry.second.f_teid &&
           (far == spec.fars.end() || !far->second.forward ||
            (far->second.outer_header && !far->second.outer_header->udp_port));
  });
  if (auto done = compile_addresses(ordered, ports, !between, parts); !done) {
    return std::unexpected(done.error());
  }
  for (const Pdr* pdr : ordered) {
    auto compiled = compile_pdr(*pdr, spec, state, ports, resolver, parts);
    if (!compiled) return std::unexpected(compiled.error());
    auto& pdrs = pdr->source == Interface::kAccess       ? parts.uplink
                 : pdr->source == Interface::kCpFunction ? parts.from_cp
                                                         : parts.downlink;
    pdrs.push_back(*compiled);
  }
  return parts;
}

}  // namespace sluice::upf
