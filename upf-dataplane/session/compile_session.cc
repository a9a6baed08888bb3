#include "upf-dataplane/session/compile_session.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "upf-dataplane/packet/address_mask.h"
#include "upf-dataplane/session/compile_addresses.h"
#include "upf-dataplane/session/tunnel_ways.h"

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

Result<void> compile_copies(const Pdr& pdr, const Far& far, std::span<const Port> ports,
                            NextHopResolver& resolver, CompiledPdr& out, Session::Parts& parts) {
  if (!far.duplicate) return {};
  for (const auto& duplicate : far.duplicates) {
    const auto port = port_of_tunnel(duplicate.destination, {}, duplicate.outer_header.peer, ports);
    if (!port) return bad_field("Duplicating Parameters", "no port has tunnels");
    CompiledCopy copy{.pdr = pdr.id.value(),
                      .out_port = *port,
                      .is_v6 = duplicate.outer_header.peer.is_v6(),
                      .teid = duplicate.outer_header.teid.value()};
    const auto hop = way_to(duplicate.outer_header, *port, ports, resolver, copy.peer);
    if (!hop) return std::unexpected(hop.error());
    copy.hop = *hop;
    if (duplicate.marking) {
      copy.tos = static_cast<uint8_t>(duplicate.marking->tos & duplicate.marking->mask);
    }
    parts.copies.push_back(copy);
  }
  out.special |= CompiledPdr::kDuplicates;
  return {};
}

// The access networks' port on whose link the CP function is, or else as for base stations.
std::optional<PortIndex> cp_port(const Far& far, std::span<const Port> ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role == PortRole::kN3 && ports[i].on_link(far.outer_header->peer) != nullptr) {
      return static_cast<PortIndex>(i);
    }
  }
  return out_port(PortRole::kN3, far.network_instance, ports);
}

Result<void> compile_far(const Pdr& pdr, const Far& far, std::span<const Port> ports,
                         NextHopResolver& resolver, CompiledPdr& out) {
  out.forward = far.forward;
  if (far.buffer) out.special |= CompiledPdr::kBuffers;
  if (!far.forward) return {};
  const bool to_cp = far.destination == Interface::kCpFunction;
  const bool to_access = far.destination == Interface::kAccess;
  if (far.destination == Interface::kLiFunction) {
    return unsupported("Destination Interface", pdr, "only copies go to the LI function");
  }
  if (far.destination == pdr.source || (!to_access && !to_cp && pdr.source != Interface::kAccess)) {
    return unsupported("Destination Interface", pdr, "forwarding back to where packets come from");
  }
  if ((to_access || to_cp) && !far.outer_header) {
    return bad_field("Outer Header Creation", "FAR {} forwards to {} without it", far.id.value(),
                     to_cp ? "the CP function" : "Access");
  }
  const auto port = to_cp              ? cp_port(far, ports)
                    : far.outer_header ? tunnel_port(far, ports)
                                       : out_port(PortRole::kN6, far.network_instance, ports);
  if (!port) {
    return bad_field("Network Instance", "FAR {}: no port serves '{}'", far.id.value(),
                     far.network_instance);
  }
  out.out_port = *port;
  if (far.marking) {
    out.special |= CompiledPdr::kHasMark;
    out.mark_mask = far.marking->mask;
    out.mark_tos = static_cast<uint8_t>(far.marking->tos & far.marking->mask);
  }
  if (!far.outer_header) return {};
  if (to_cp && pdr.source == Interface::kAccess) out.special |= CompiledPdr::kToCp;

  const auto& tunnel = *far.outer_header;
  const auto hop = way_to(tunnel, *port, ports, resolver, out.peer);
  if (!hop) return std::unexpected(hop.error());
  out.encapsulate = true;
  out.forward = !far.peer_unknown;
  out.peer_hop = *hop;
  out.peer_teid = tunnel.teid.value();
  out.peer_is_v6 = tunnel.peer.is_v6();
  return {};
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
    if (QerMeters* meters = state.meter(id)) {
      parts.meters.push_back(uplink ? &meters->uplink : &meters->downlink);
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
  if (out.meter_count + out.guarantee_count > 0) out.special |= CompiledPdr::kHasMeters;
  return {};
}

Result<void> compile_urrs(const Pdr& pdr, const SessionSpec& spec, const RuleState& state,
                          CompiledPdr& out, Session::Parts& parts) {
  out.usage_first = static_cast<uint16_t>(parts.usage.size());
  for (const auto id : pdr.urrs) {
    const auto found = spec.urrs.find(id);
    if (found == spec.urrs.end()) {
      return bad_field("URR ID", "PDR {} names URR {}, which does not exist", pdr.id.value(),
                       id.value());
    }
    if (!found->second.is_inactive) parts.usage.push_back(state.usage_meter(id));
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
  const auto far = spec.fars.find(pdr.far);
  if (far == spec.fars.end()) {
    return bad_field("FAR ID", "PDR {} names FAR {}, which does not exist", pdr.id.value(),
                     pdr.far.value());
  }

  CompiledPdr out;
  out.id = pdr.id.value();
  out.teid = pdr.f_teid ? pdr.f_teid->teid.value() : 0;
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
  if (auto done = compile_far(pdr, far->second, ports, resolver, out); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = compile_copies(pdr, far->second, ports, resolver, out, parts); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = compile_urrs(pdr, spec, state, out, parts); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = compile_qers(pdr, spec, state, out, parts); !done) {
    return std::unexpected(done.error());
  }
  // A PDU Session Container is the access network's; the CP function gets the bare packet.
  if (far->second.destination == Interface::kCpFunction) out.has_qfi_mark = false;
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
           (far == spec.fars.end() || !far->second.forward || far->second.outer_header.has_value());
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
