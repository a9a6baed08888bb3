#include "traffic-rules/match.h"

#include <tuple>

namespace sluice::traffic_rules {
namespace {

bool holds(const std::optional<IpPrefix>& prefix, const IpAddress& address) {
  return !prefix || prefix->contains(address);
}

bool holds(const std::optional<uint8_t>& wanted, std::optional<uint8_t> value) {
  return !wanted || wanted == value;
}

bool ports_hold(const std::optional<PortRange>& src, const std::optional<PortRange>& dst,
                const std::optional<PacketFields::Ports>& ports) {
  if (!src && !dst) return true;
  return ports && (!src || src->contains(ports->src)) && (!dst || dst->contains(ports->dst));
}

bool family_holds(IpFamily family, const IpAddress& address) {
  return family == IpFamily::kAny || (family == IpFamily::kV4) == address.is_v4();
}

bool tunnel_holds(const MatchBox& box, const std::optional<PacketFields::Tunnel>& tunnel) {
  if (!box.tunnel_src && !box.tunnel_dst && !box.tunnel_src_port && !box.tunnel_dst_port) {
    return true;
  }
  return tunnel && holds(box.tunnel_src, tunnel->src) && holds(box.tunnel_dst, tunnel->dst) &&
         ports_hold(box.tunnel_src_port, box.tunnel_dst_port, tunnel->ports);
}

}  // namespace

MatchBox mirrored(const MatchBox& box) {
  MatchBox other = box;
  std::swap(other.src, other.dst);
  std::swap(other.src_port, other.dst_port);
  std::swap(other.tunnel_src, other.tunnel_dst);
  std::swap(other.tunnel_src_port, other.tunnel_dst_port);
  return other;
}

bool precedes(const CompiledRule& a, const CompiledRule& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  return std::tie(a.order, a.key) < std::tie(b.order, b.key);
}

bool matches(const MatchBox& box, const PacketFields& packet) {
  return family_holds(box.family, packet.src) && holds(box.src, packet.src) &&
         holds(box.dst, packet.dst) && holds(box.protocol, packet.protocol) &&
         ports_hold(box.src_port, box.dst_port, packet.ports) && holds(box.qfi, packet.qfi) &&
         holds(box.dscp, static_cast<uint8_t>(packet.tos >> 2)) && holds(box.tc, packet.tos) &&
         tunnel_holds(box, packet.tunnel);
}

const CompiledRule* first_match(std::span<const CompiledRule> rules, Direction direction,
                                const PacketFields& packet) {
  const CompiledRule* best = nullptr;
  for (const auto& rule : rules) {
    if (!in_scope(rule.scope, packet.network)) continue;
    for (const auto& box : rule.boxes(direction)) {
      if (matches(box, packet) && (best == nullptr || precedes(rule, *best))) best = &rule;
    }
  }
  return best;
}

}  // namespace sluice::traffic_rules
