#include "upf-dataplane/session/tunnel_ways.h"

#include <cstring>

namespace sluice::upf {

std::optional<PortIndex> out_port(PortRole role, const std::string& network_instance,
                                  std::span<const Port> ports) {
  std::optional<PortIndex> general;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].role != role) continue;
    if (!network_instance.empty() && ports[i].network_instance == network_instance) {
      return static_cast<PortIndex>(i);
    }
    if (!general && (network_instance.empty() || ports[i].network_instance.empty())) {
      general = static_cast<PortIndex>(i);
    }
  }
  return general;
}

std::optional<PortIndex> port_of_tunnel(Interface destination, const std::string& network_instance,
                                        const IpAddress& peer, std::span<const Port> ports) {
  std::optional<PortIndex> named;
  std::optional<PortIndex> near;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!carries_tunnels(ports[i].role)) continue;
    const bool is_named =
        !network_instance.empty() && ports[i].network_instance == network_instance;
    const bool is_open = network_instance.empty() || ports[i].network_instance.empty();
    if (is_named && !named) named = static_cast<PortIndex>(i);
    if ((is_named || is_open) && !near && ports[i].on_link(peer) != nullptr) {
      near = static_cast<PortIndex>(i);
    }
  }
  if (named) return named;
  if (near) return near;
  const auto preferred = destination == Interface::kAccess ? PortRole::kN3 : PortRole::kN9;
  const auto other = destination == Interface::kAccess ? PortRole::kN9 : PortRole::kN3;
  const auto port = out_port(preferred, network_instance, ports);
  return port ? port : out_port(other, network_instance, ports);
}

std::optional<PortIndex> port_of_udp_tunnel(const Far& far, std::span<const Port> ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const bool serves = far.network_instance.empty() || port.network_instance.empty() ||
                        port.network_instance == far.network_instance;
    if (!carries_tunnels(port.role) && serves && port.on_link(far.outer_header->peer) != nullptr) {
      return static_cast<PortIndex>(i);
    }
  }
  return out_port(PortRole::kN6, far.network_instance, ports);
}

Result<NextHopId> way_to(const OuterHeader& tunnel, PortIndex port, std::span<const Port> ports,
                         NextHopResolver& resolver, uint8_t (&peer)[16]) {
  if (!(tunnel.peer.is_v4() ? ports[port].has_v4 : ports[port].has_v6)) {
    return bad_field("Outer Header Creation", "port {} has no address of the family of {}",
                     ports[port].name, tunnel.peer.to_string());
  }
  const auto& bytes = tunnel.peer.v6().bytes();
  std::memset(peer, 0, 16);
  std::memcpy(peer, bytes.data() + (tunnel.peer.is_v4() ? 12 : 0), tunnel.peer.is_v4() ? 4 : 16);
  return resolver.next_hop(port, tunnel.peer);
}

std::optional<PortIndex> tunnel_port(const Far& far, std::span<const Port> ports) {
  return port_of_tunnel(far.destination, far.network_instance, far.outer_header->peer, ports);
}

}  // namespace sluice::upf
