// What a rule compiles to: conjunctions over the fields of one packet, for a classifier of any
// kind, and the plain definition of their meaning that fast classifiers are tested against.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/net/ip_address.h"
#include "traffic-rules/model.h"
#include "traffic-rules/network_scope.h"

namespace sluice::traffic_rules {

enum class Direction : uint8_t { kUplink, kDownlink };
enum class IpFamily : uint8_t { kAny, kV4, kV6 };

// Every condition that is set must hold. Port conditions hold only for packets whose ports are
// known: never for ICMP, nor for fragments after the first.
struct MatchBox {
  IpFamily family = IpFamily::kAny;  // concrete whenever an address, dscp or tc is set
  std::optional<IpPrefix> src;       // canonical: no bits outside the mask
  std::optional<IpPrefix> dst;
  std::optional<PortRange> src_port;
  std::optional<PortRange> dst_port;
  std::optional<uint8_t> protocol;
  std::optional<uint8_t> qfi;
  std::optional<uint8_t> dscp;  // with family kV4
  std::optional<uint8_t> tc;    // with family kV6
  // The outer header of the tunnel on the access side: of an uplink packet the one it came in, of a
  // downlink packet the one it will leave in.
  std::optional<IpPrefix> tunnel_src;
  std::optional<IpPrefix> tunnel_dst;
  std::optional<PortRange> tunnel_src_port;
  std::optional<PortRange> tunnel_dst_port;

  bool operator==(const MatchBox&) const = default;
};

// The other direction of the same flow: source and destination change places, inner and outer.
MatchBox mirrored(const MatchBox& box);

struct CompiledRule {
  std::string key;  // "<appInstanceId>/<trafficRuleId>", unique in a set
  uint8_t priority = 0;
  uint64_t order = 0;  // of installation: lower is older
  Action action = Action::kDrop;
  std::vector<DestinationInterface> destinations;
  std::vector<NetworkScope> scope;  // sessions whose packets it is about; none: all
  std::vector<MatchBox> uplink;     // any of them matching is enough
  std::vector<MatchBox> downlink;   // FLOW: uplink mirrored; PACKET: the same as uplink

  const std::vector<MatchBox>& boxes(Direction d) const {
    return d == Direction::kUplink ? uplink : downlink;
  }
};

// Whether `a` decides when both match: the higher priority, then the older one (an app that comes
// later does not take over traffic at equal priority), then the smaller key. A strict total order
// over a set with unique keys.
bool precedes(const CompiledRule& a, const CompiledRule& b);

// The fields of one packet.
struct PacketFields {
  struct Ports {
    uint16_t src = 0;
    uint16_t dst = 0;
  };
  struct Tunnel {
    IpAddress src;
    IpAddress dst;
    Ports ports;
  };
  IpAddress src;
  IpAddress dst;  // of the family of src
  uint8_t protocol = 0;
  std::optional<Ports> ports;
  uint8_t tos = 0;  // IPv4 TOS octet or IPv6 traffic class
  std::optional<uint8_t> qfi;
  std::optional<Tunnel> tunnel;
  Network network;  // of its session
};

bool matches(const MatchBox& box, const PacketFields& packet);

// The rule that decides, or null. Rules in any order; linear, the definition and not an
// implementation.
const CompiledRule* first_match(std::span<const CompiledRule> rules, Direction direction,
                                const PacketFields& packet);

}  // namespace sluice::traffic_rules
