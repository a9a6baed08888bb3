// Where the UPF itself stands in its networks: ports, addresses, gateways and on-link neighbours.
// An immutable value; the control thread publishes a new one when something changes.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/address_mask.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/steer/next_hop.h"

namespace sluice::upf {

enum class PortRole : uint8_t {
  kN3,       // towards the access network, GTP-U
  kN9,       // towards other UPFs, GTP-U
  kN3Ran,    // an end of the wire of the mode inline: towards the access network
  kN3Core,   // the other, towards the core's own UPF
  kN6,       // towards the data network of the core
  kLocalDn,  // towards the edge apps
};

inline bool carries_tunnels(PortRole role) { return role <= PortRole::kN3Core; }
inline bool is_of_wire(PortRole role) {
  return role == PortRole::kN3Ran || role == PortRole::kN3Core;
}

struct Port {
  std::string name;
  PortRole role = PortRole::kN6;
  MacAddress mac;
  uint32_t mtu = 1500;              // of the IP packet
  std::vector<IpPrefix> addresses;  // the UPF's own; their networks are on-link
  NextHopId gateway_v4 = kNoNextHop;
  NextHopId gateway_v6 = kNoNextHop;
  std::string network_instance;

  bool owns(const IpAddress& address) const {
    return std::ranges::any_of(addresses,
                               [&](const auto& own) { return own.address() == address; });
  }
  // The own address whose network contains `address`, if any: who asks for a neighbour.
  const IpPrefix* on_link(const IpAddress& address) const {
    const auto own =
        std::ranges::find_if(addresses, [&](const auto& p) { return p.contains(address); });
    return own == addresses.end() ? nullptr : &*own;
  }
  // As owns(), for the address bytes of a packet.
  bool owns_wire(const uint8_t* address, bool is_v6) const {
    // Comparisons of constant length take no call.
    if (is_v6 ? std::memcmp(address, wire_v6.data(), 16) == 0
              : std::memcmp(address, wire_v4.data(), 4) == 0) {
      return is_v6 ? has_v6 : has_v4;
    }
    return is_v6 ? owns(Ipv6Address::from_bytes(address)) : owns(Ipv4Address::from_bytes(address));
  }
  // The first own address of a family as it lies on the wire, for outer headers; null when none.
  const uint8_t* own_v4() const { return has_v4 ? wire_v4.data() : nullptr; }
  const uint8_t* own_v6() const { return has_v6 ? wire_v6.data() : nullptr; }

  // Derives what the packet path compares; call once after the members above are set.
  void prepare();

  std::array<uint8_t, 4> wire_v4{};
  std::array<uint8_t, 16> wire_v6{};
  bool has_v4 = false;
  bool has_v6 = false;
  // The networks of `addresses`, mapped to 16 bytes.
  struct Network {
    std::array<uint8_t, 16> value;
    std::array<uint8_t, 16> mask;
  };
  std::vector<Network> networks;
};

struct ForwardingTable {
  std::vector<Port> ports;  // by PortIndex
  // On-link neighbours that someone sends to, per port.
  std::vector<std::unordered_map<IpAddress, NextHopId>> neighbours;

  // Whether someone on `port` has been asked for, so that its answers are worth a look.
  bool tracks(PortIndex port, const IpAddress& address) const {
    return neighbours[port].contains(address);
  }

  // The next hop for a destination (16 bytes, IPv4 mapped) out of `port`: the on-link neighbour, or
  // the gateway of its family. kNoNextHop when it is an on-link neighbour that is not known yet;
  // nothing when no route leads there.
  std::optional<NextHopId> route(PortIndex port, const uint8_t* destination, bool is_v6) const {
    const Port& out = ports[port];
    for (const auto& network : out.networks) {
      if (mask_matches(destination, network.value.data(), network.mask.data())) {
        const auto found = neighbours[port].find(IpAddress(Ipv6Address::from_bytes(destination)));
        if (found != neighbours[port].end()) return found->second;
        if (out.owns_wire(destination + (is_v6 ? 0 : 12), is_v6)) return std::nullopt;
        return kNoNextHop;
      }
    }
    const NextHopId gateway = is_v6 ? out.gateway_v6 : out.gateway_v4;
    return gateway == kNoNextHop ? std::nullopt : std::optional(gateway);
  }
};

}  // namespace sluice::upf
