// By which port a session's packets leave, with and without tunnels.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "upf-dataplane/session/compile_session.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

// The port of a role for a network instance: one that names it, or else one that serves all.
std::optional<PortIndex> out_port(PortRole role, const std::string& network_instance,
                                  std::span<const Port> ports);

// The port of a tunnel towards `peer`: of those that serve the network instance one that the peer
// is next to, or else one of the role that the destination asks for.
std::optional<PortIndex> port_of_tunnel(Interface destination, const std::string& network_instance,
                                        const IpAddress& peer, std::span<const Port> ports);

// The port of a tunnel of UDP/IP, which leads into a data network: of those that serve the network
// instance one that the peer is next to, or else as packets without a tunnel.
std::optional<PortIndex> port_of_udp_tunnel(const Far& far, std::span<const Port> ports);

// The next hop on the way to a tunnel's far end, whose address is written as on the wire.
Result<NextHopId> way_to(const OuterHeader& tunnel, PortIndex port, std::span<const Port> ports,
                         NextHopResolver& resolver, uint8_t (&peer)[16]);

}  // namespace sluice::upf
