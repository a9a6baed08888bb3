#include "upf-dataplane/control/rule_destinations.h"

#include <algorithm>

namespace sluice::upf {
namespace {

using traffic_rules::Action;
using traffic_rules::InterfaceType;
using traffic_rules::TunnelType;

std::unexpected<Error> wrong(std::string field, std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message), std::move(field)});
}

NextHopId gateway(const Port& port, const IpAddress& address) {
  return address.is_v4() ? port.gateway_v4 : port.gateway_v6;
}

// The first port of one of `roles`, in their order, that the address is on-link of; else the first
// with a gateway for it.
std::optional<PortIndex> port_towards(const std::vector<Port>& ports, const IpAddress& address,
                                      std::initializer_list<PortRole> roles) {
  const auto find = [&](PortRole role, auto leads) -> std::optional<PortIndex> {
    for (size_t i = 0; i < ports.size(); ++i) {
      if (ports[i].role == role && leads(ports[i])) return static_cast<PortIndex>(i);
    }
    return std::nullopt;
  };
  for (const auto role : roles) {
    const auto on_link = [&](const Port& port) { return port.on_link(address) != nullptr; };
    if (const auto port = find(role, on_link)) return port;
  }
  for (const auto role : roles) {
    const auto routed = [&](const Port& port) { return gateway(port, address) != kNoNextHop; };
    if (const auto port = find(role, routed)) return port;
  }
  return std::nullopt;
}

}  // namespace

std::optional<PortIndex> RuleDestinations::local_port_for(const IpAddress& address) const {
  return port_towards(neighbours_.ports(), address, {PortRole::kLocalDn});
}

// A tunnel may lead to another site, by way of the data network.
std::optional<PortIndex> RuleDestinations::tunnel_port_for(const IpAddress& far_end) const {
  return port_towards(neighbours_.ports(), far_end, {PortRole::kLocalDn, PortRole::kN6});
}

std::optional<PortIndex> RuleDestinations::tunnel_port_with(const IpAddress& own) const {
  const auto& ports = neighbours_.ports();
  const auto found = std::ranges::find_if(
      ports, [&](const Port& port) { return !carries_tunnels(port.role) && port.owns(own); });
  if (found == ports.end()) return std::nullopt;
  return static_cast<PortIndex>(found - ports.begin());
}

std::optional<PortIndex> RuleDestinations::local_port_with(
    const std::optional<MacAddress>& mac) const {
  const auto& ports = neighbours_.ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role == PortRole::kLocalDn && (!mac || ports[i].mac == *mac)) {
      return static_cast<PortIndex>(i);
    }
  }
  return std::nullopt;
}

std::vector<Action> RuleDestinations::actions() const {
  if (is_inline_) return {Action::kDrop, Action::kForwardDecapsulated, Action::kPassthrough};
  return {Action::kDrop,        Action::kForwardDecapsulated,   Action::kForwardEncapsulated,
          Action::kPassthrough, Action::kDuplicateDecapsulated, Action::kDuplicateEncapsulated};
}

std::vector<InterfaceType> RuleDestinations::interface_types() const {
  if (is_inline_) return {InterfaceType::kMac, InterfaceType::kIp};
  return {InterfaceType::kTunnel, InterfaceType::kMac, InterfaceType::kIp};
}

Result<void> RuleDestinations::check_mode(const traffic_rules::TrafficRule& rule) const {
  if (!is_inline_) return {};
  if (!rule.scope.empty()) {
    return wrong("scope", "the data networks of users are not known in the mode inline");
  }
  if (rule.action == Action::kDrop || rule.action == Action::kPassthrough) return {};
  if (rule.action != Action::kForwardDecapsulated) {
    return wrong("action", "the mode inline has DROP, PASSTHROUGH and FORWARD_DECAPSULATED only");
  }
  const bool is_plain = std::ranges::none_of(rule.dst_interface, [](const auto& to) {
    return to.interface_type == InterfaceType::kTunnel;
  });
  if (!is_plain) return wrong("dstInterface", "the mode inline has MAC and IP only");
  return {};
}

Result<std::vector<SteeringDestination>> RuleDestinations::resolve(
    const traffic_rules::TrafficRule& rule) {
  if (auto possible = check_mode(rule); !possible) return std::unexpected(possible.error());
  std::vector<SteeringDestination> out;
  if (rule.action == Action::kDrop || rule.action == Action::kPassthrough) return out;
  for (size_t i = 0; i < rule.dst_interface.size(); ++i) {
    const auto at =
        rule.dst_interface.size() == 1 ? "dstInterface" : fmt::format("dstInterface[{}]", i);
    auto to = resolve(rule.dst_interface[i], at);
    if (!to) return std::unexpected(to.error());
    out.push_back(*to);
  }
  return out;
}

Result<SteeringDestination> RuleDestinations::resolve(const traffic_rules::DestinationInterface& to,
                                                      const std::string& at) {
  SteeringDestination out;
  switch (to.interface_type) {
    case InterfaceType::kIp: {
      const IpAddress& address = to.dst_ip_address->value;
      const auto port = local_port_for(address);
      if (!port) {
        return wrong(at + ".dstIpAddress",
                     fmt::format("no local-dn port of this site leads to {}", address.to_string()));
      }
      const auto hop = neighbours_.next_hop(*port, address);
      if (!hop) return std::unexpected(hop.error());
      out.next_hop = *hop;
      return out;
    }
    case InterfaceType::kMac: {
      const auto own = to.src_mac_address ? std::optional(to.src_mac_address->value) : std::nullopt;
      const auto port = local_port_with(own);
      if (!port) {
        return wrong(at + ".srcMacAddress", own ? "no local-dn port of this site has that address"
                                                : "this site has no local-dn port");
      }
      const auto hop = neighbours_.fixed(*port, to.dst_mac_address->value);
      if (!hop) return std::unexpected(hop.error());
      out.next_hop = *hop;
      return out;
    }
    case InterfaceType::kTunnel:
      break;
  }
  return tunnel(*to.tunnel_info, at + ".tunnelInfo");
}

Result<SteeringDestination> RuleDestinations::tunnel(const traffic_rules::TunnelInfo& info,
                                                     const std::string& at) {
  const IpAddress& far_end = info.tunnel_dst_address.value;
  const auto port = info.tunnel_src_address ? tunnel_port_with(info.tunnel_src_address->value)
                                            : tunnel_port_for(far_end);
  if (!port && info.tunnel_src_address) {
    return wrong(at + ".tunnelSrcAddress", "is no address of a local-dn or n6 port of this site");
  }
  if (!port) {
    return wrong(at + ".tunnelDstAddress", fmt::format("no local-dn or n6 port of this site leads "
                                                       "to {}",
                                                       far_end.to_string()));
  }
  const auto hop = neighbours_.next_hop(*port, far_end);
  if (!hop) return std::unexpected(hop.error());

  SteeringDestination out{.next_hop = *hop, .is_v6 = !far_end.is_v4()};
  out.destination = wire_address(far_end);
  const Port& from = neighbours_.ports()[*port];
  if (info.tunnel_src_address) {
    out.source = wire_address(info.tunnel_src_address->value);
  } else if (far_end.is_v4() ? from.has_v4 : from.has_v6) {
    std::memcpy(out.source.data(), far_end.is_v4() ? from.own_v4() : from.own_v6(),
                far_end.is_v4() ? 4 : 16);
  } else {
    return wrong(at + ".tunnelDstAddress",
                 fmt::format("port {} has no address of its family", from.name));
  }
  const auto data = info.tunnel_specific_data.value_or(traffic_rules::TunnelData{});
  if (info.tunnel_type == TunnelType::kGre) {
    out.tunnel = TunnelKind::kGre;
    out.has_key = data.key.has_value();
    out.id = data.key.value_or(0);
    return out;
  }
  if (!data.teid) {
    return wrong(at + ".tunnelSpecificData.teid", "is required to send into a GTP_U tunnel");
  }
  out.tunnel = TunnelKind::kGtpU;
  out.id = *data.teid;
  out.has_qfi = data.qfi.has_value();
  out.qfi = data.qfi.value_or(0);
  return out;
}

}  // namespace sluice::upf
