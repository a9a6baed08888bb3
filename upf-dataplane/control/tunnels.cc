#include "upf-dataplane/control/tunnels.h"

#include <algorithm>

namespace sluice::upf {

size_t Tunnels::Hash::operator()(const OuterHeader& tunnel) const {
  return std::hash<IpAddress>()(tunnel.peer) ^ tunnel.teid.value() * 0x9e3779b97f4a7c15U;
}

void Tunnels::tunnel_added(Seid seid, PortIndex port, const OuterHeader& tunnel) {
  users_.emplace(tunnel, seid);
  paths_.add(port, tunnel.peer);
}

void Tunnels::tunnel_removed(Seid seid, PortIndex port, const OuterHeader& tunnel) {
  const auto [first, last] = users_.equal_range(tunnel);
  const auto found = std::find_if(first, last, [&](const auto& e) { return e.second == seid; });
  if (found == last) return;
  users_.erase(found);
  paths_.remove(port, tunnel.peer);
}

std::vector<Seid> Tunnels::users(const OuterHeader& tunnel) const {
  std::vector<Seid> out;
  const auto [first, last] = users_.equal_range(tunnel);
  for (auto it = first; it != last; ++it) {
    if (std::ranges::find(out, it->second) == out.end()) out.push_back(it->second);
  }
  return out;
}

}  // namespace sluice::upf
