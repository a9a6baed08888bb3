#include "upf-dataplane/session/compile_addresses.h"

#include <algorithm>
#include <cstring>

#include "upf-dataplane/packet/address_mask.h"

namespace sluice::upf {
namespace {

// A UE cannot have an address that is ours, or that no single host has.
bool is_usable_v4(Ipv4Address address, std::span<const Port> ports) {
  const auto first = address.bytes()[0];
  return first != 0 && first != 127 && first < 224 &&
         std::ranges::none_of(ports, [&](const Port& port) { return port.owns(address); });
}

bool holds_own(const IpPrefix& prefix, const Port& port) {
  return std::ranges::any_of(port.addresses,
                             [&](const IpPrefix& own) { return prefix.contains(own.address()); });
}

bool is_usable_v6(const IpPrefix& prefix, std::span<const Port> ports) {
  const auto address = prefix.address().v6();
  return address.upper64() != 0 && !address.is_multicast() && !address.is_link_local() &&
         std::ranges::none_of(ports, [&](const Port& port) { return holds_own(prefix, port); });
}

// The one UE address of each family that all PDRs of a session agree on.
Result<void> adopt_ue_address(const Pdr& pdr, std::span<const Port> ports, Session::Parts& parts) {
  if (!pdr.ue) return {};
  if (pdr.ue->v4) {
    if (!is_usable_v4(*pdr.ue->v4, ports)) {
      return bad_field("UE IP Address", "PDR {}: {} cannot be a UE's", pdr.id.value(),
                       pdr.ue->v4->to_string());
    }
    const auto bytes = pdr.ue->v4->bytes();
    uint32_t raw;
    std::memcpy(&raw, bytes.data(), 4);
    if (parts.ue_v4 != 0 && parts.ue_v4 != raw) {
      return bad_field("UE IP Address", "PDR {} names another IPv4 address than an earlier PDR",
                       pdr.id.value());
    }
    parts.ue_v4 = raw;
  }
  if (pdr.ue->v6) {
    if (!is_usable_v6(*pdr.ue->v6, ports)) {
      return bad_field("UE IP Address", "PDR {}: {} cannot be a UE's", pdr.id.value(),
                       pdr.ue->v6->to_string());
    }
    if (pdr.ue->v6->length() > 64) {
      return unsupported("UE IP Address", pdr, "IPv6 prefixes longer than /64 are not served");
    }
    if (parts.ue_prefix && parts.ue_prefix->network() != pdr.ue->v6->network()) {
      return bad_field("UE IP Address", "PDR {} names another IPv6 prefix than an earlier PDR",
                       pdr.id.value());
    }
    parts.ue_prefix = IpPrefix::make(pdr.ue->v6->network(), pdr.ue->v6->length()).value();
    if (pdr.ue->v6->length() == 64) {
      std::memcpy(&parts.ue_v6, pdr.ue->v6->address().v6().bytes().data(), 8);
    }
  }
  return {};
}

// Framed routes are the session's: all PDRs that name some name the same.
Result<void> adopt_framed_routes(const Pdr& pdr, std::span<const Port> ports,
                                 Session::Parts& parts) {
  if (pdr.framed_routes.empty()) return {};
  const char* ie = pdr.framed_routes.front().is_v4() ? "Framed-Route" : "Framed-IPv6-Route";
  for (const IpPrefix& route : pdr.framed_routes) {
    if (route.length() == 0 || route.length() > (route.is_v4() ? 32U : 64U)) {
      return unsupported(ie, pdr, "framed routes have 1 to 32 bits, or of IPv6 1 to 64");
    }
    const bool usable =
        route.is_v4() ? is_usable_v4(route.network().v4(), ports) &&
                            std::ranges::none_of(
                                ports, [&](const Port& port) { return holds_own(route, port); })
                      : is_usable_v6(route, ports);
    if (!usable)
      return bad_field(ie, "PDR {}: {} cannot be behind a UE", pdr.id.value(), route.to_string());
  }
  if (!parts.framed_routes.empty() && parts.framed_routes != pdr.framed_routes) {
    return unsupported(ie, pdr, "it names other framed routes than an earlier PDR");
  }
  parts.framed_routes = pdr.framed_routes;
  return {};
}

CompiledPrefix compile_prefix(const IpPrefix& prefix, bool is_framed) {
  CompiledPrefix compiled{.is_framed = is_framed};
  set_address_mask(prefix, compiled.value, compiled.mask);
  return compiled;
}

}  // namespace

Result<void> compile_addresses(const std::vector<const Pdr*>& pdrs, std::span<const Port> ports,
                               bool required, Session::Parts& parts) {
  for (const Pdr* pdr : pdrs) {
    if (auto done = adopt_ue_address(*pdr, ports, parts); !done) return done;
    if (auto done = adopt_framed_routes(*pdr, ports, parts); !done) return done;
  }
  if (required && parts.ue_v4 == 0 && !parts.ue_prefix) {
    return bad_field("UE IP Address", "no PDR of the session names one");
  }
  if (parts.ue_prefix && parts.ue_v6 == 0) {
    parts.prefixes.push_back(compile_prefix(*parts.ue_prefix, false));
  }
  for (const IpPrefix& route : parts.framed_routes) {
    parts.prefixes.push_back(compile_prefix(route, true));
  }
  return {};
}

uint8_t families(const Pdr& pdr) {
  if (!pdr.ue && pdr.framed_routes.empty()) {
    return CompiledPdr::kV4 | CompiledPdr::kV6 | CompiledPdr::kFramed;
  }
  const UeAddress ue = pdr.ue.value_or(UeAddress{});
  return static_cast<uint8_t>((ue.v4 ? CompiledPdr::kV4 : 0) | (ue.v6 ? CompiledPdr::kV6 : 0) |
                              (pdr.framed_routes.empty() ? 0 : CompiledPdr::kFramed));
}

}  // namespace sluice::upf
