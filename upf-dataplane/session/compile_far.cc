#include "upf-dataplane/session/compile_far.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "upf-dataplane/packet/http_redirect.h"
#include "upf-dataplane/session/compile_addresses.h"
#include "upf-dataplane/session/tunnel_ways.h"

namespace sluice::upf {
namespace {

Result<void> compile_copies(const Pdr& pdr, const Far& far, std::span<const Port> ports,
                            NextHopResolver& resolver, CompiledPdr& out, Session::Parts& parts) {
  if (!far.duplicate) return {};
  const auto extras = extras_of(out, parts);
  if (!extras) return std::unexpected(extras.error());
  for (const auto& duplicate : far.duplicates) {
    const auto port = port_of_tunnel(duplicate.destination, {}, duplicate.outer_header.peer, ports);
    if (!port) return bad_field("Duplicating Parameters", "no port has tunnels");
    CompiledCopy copy{.out_port = *port,
                      .is_v6 = duplicate.outer_header.peer.is_v6(),
                      .teid = duplicate.outer_header.teid.value()};
    const auto hop = way_to(duplicate.outer_header, *port, ports, resolver, copy.peer);
    if (!hop) return std::unexpected(hop.error());
    copy.hop = *hop;
    if (duplicate.marking) {
      copy.tos = static_cast<uint8_t>(duplicate.marking->tos & duplicate.marking->mask);
    }
    (*extras)->copies.push_back(copy);
  }
  out.special |= CompiledPdr::kDuplicates;
  return {};
}

void set_mapped(const IpAddress& address, uint8_t (&out)[16]) {
  const auto bytes = address.v6().bytes();
  std::memcpy(out, bytes.data(), sizeof out);
}

Result<void> compile_redirect(const Pdr& pdr, const Far& far, CompiledPdr& out,
                              Session::Parts& parts) {
  if (!far.redirect || !far.forward) return {};
  if (pdr.source != Interface::kAccess || far.destination == Interface::kCpFunction) {
    return unsupported("Redirect Information", pdr,
                       "only what UEs send to a network is redirected");
  }
  const auto extras = extras_of(out, parts);
  if (!extras) return std::unexpected(extras.error());
  CompiledRedirect redirect;
  if (!far.redirect->url.empty()) redirect.response = redirect_response(far.redirect->url);
  if (far.redirect->v4) {
    redirect.has_v4 = true;
    set_mapped(*far.redirect->v4, redirect.v4);
  }
  if (far.redirect->v6) {
    redirect.has_v6 = true;
    set_mapped(*far.redirect->v6, redirect.v6);
  }
  (*extras)->redirect = std::move(redirect);
  out.special |= CompiledPdr::kRedirects;
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
                         NextHopResolver& resolver, CompiledPdr& out, Session::Parts& parts) {
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
  const bool by_udp = far.outer_header && far.outer_header->udp_port;
  if (by_udp && (to_cp || to_access)) {
    return unsupported("Outer Header Creation", pdr, "UDP/IP leads into data networks only");
  }
  const auto port = to_cp              ? cp_port(far, ports)
                    : by_udp           ? port_of_udp_tunnel(far, ports)
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
  if (!by_udp) return {};
  const auto extras = extras_of(out, parts);
  if (!extras) return std::unexpected(extras.error());
  (*extras)->udp_port = *tunnel.udp_port;
  return {};
}

}  // namespace

Result<PdrExtras*> extras_of(CompiledPdr& out, Session::Parts& parts) {
  constexpr size_t kMost = 0xff;
  if (out.extras == 0) {
    if (parts.extras.size() >= kMost) {
      return std::unexpected(Error{ErrorCode::kResourceExhausted,
                                   fmt::format("more than {} PDRs that redirect or copy", kMost),
                                   "FAR ID"});
    }
    parts.extras.emplace_back();
    out.extras = static_cast<uint8_t>(parts.extras.size());
  }
  return &parts.extras[out.extras - 1U];
}

Result<void> apply_far(const Pdr& pdr, const Far& far, std::span<const Port> ports,
                       NextHopResolver& resolver, CompiledPdr& out, Session::Parts& parts) {
  if (auto done = compile_far(pdr, far, ports, resolver, out, parts); !done) return done;
  if (auto done = compile_copies(pdr, far, ports, resolver, out, parts); !done) return done;
  if (auto done = compile_redirect(pdr, far, out, parts); !done) return done;
  // A PDU Session Container is the access network's; the CP function gets the bare packet.
  if (far.destination == Interface::kCpFunction) out.has_qfi_mark = false;
  return {};
}

namespace {

// The FAR is the same for both directions of a URR's traffic; where it leads back to where packets
// come from they are dropped.
Result<QuotaAction> compile_quota_action(const Pdr& pdr, const Far& far,
                                         std::span<const Port> ports, NextHopResolver& resolver,
                                         const CompiledPdr& base, Session::Parts& parts) {
  if (far.buffer) {
    return unsupported("FAR ID", pdr, "of what is over a quota nothing is buffered");
  }
  const bool leads_back =
      far.forward && (far.destination == Interface::kAccess) == (pdr.source == Interface::kAccess);
  if (leads_back) return QuotaAction{.lets_replies_pass = far.redirect.has_value()};
  auto instead = std::make_shared<CompiledPdr>(base);
  instead->special |= CompiledPdr::kSubstitute;
  if (base.extras != 0) {
    instead->extras = 0;
    const auto extras = extras_of(*instead, parts);
    if (!extras) return std::unexpected(extras.error());
    (*extras)->packet_limits = parts.extras[base.extras - 1U].packet_limits;
  }
  if (auto done = apply_far(pdr, far, ports, resolver, *instead, parts); !done) {
    return std::unexpected(done.error());
  }
  return QuotaAction{.instead = std::move(instead)};
}

}  // namespace

Result<void> compile_quota_actions(const Pdr& pdr, const SessionSpec& spec,
                                   const std::vector<std::optional<FarId>>& fars,
                                   std::span<const Port> ports, NextHopResolver& resolver,
                                   const CompiledPdr& base, CompiledPdr& out,
                                   Session::Parts& parts) {
  if (std::ranges::none_of(fars, [](const auto& far) { return far.has_value(); })) return {};
  std::vector<QuotaAction> actions;
  for (const auto& id : fars) {
    if (!id) {
      actions.emplace_back();
      continue;
    }
    const auto far = spec.fars.find(*id);
    if (far == spec.fars.end()) {
      return bad_field("FAR ID", "a URR names FAR {}, which does not exist", id->value());
    }
    auto action = compile_quota_action(pdr, far->second, ports, resolver, base, parts);
    if (!action) return std::unexpected(action.error());
    actions.push_back(*std::move(action));
  }
  const auto extras = extras_of(out, parts);
  if (!extras) return std::unexpected(extras.error());
  (*extras)->quota_actions = std::move(actions);
  return {};
}

}  // namespace sluice::upf
