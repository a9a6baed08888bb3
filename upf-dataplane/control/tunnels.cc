#include "upf-dataplane/control/tunnels.h"

namespace sluice::upf {

void Tunnels::tunnel_added(Seid seid, PortIndex port, const OuterHeader& tunnel) {
  uses_.insert({tunnel.peer, tunnel.teid, seid});
  paths_.add(port, tunnel.peer);
}

void Tunnels::tunnel_removed(Seid seid, PortIndex port, const OuterHeader& tunnel) {
  const auto found = uses_.find({tunnel.peer, tunnel.teid, seid});
  if (found == uses_.end()) return;
  uses_.erase(found);
  paths_.remove(port, tunnel.peer);
}

std::vector<Seid> Tunnels::users(const OuterHeader& tunnel) const {
  std::vector<Seid> out;
  for (auto it = uses_.lower_bound({tunnel.peer, tunnel.teid, Seid()});
       it != uses_.end() && it->peer == tunnel.peer && it->teid == tunnel.teid; ++it) {
    if (out.empty() || out.back() != it->seid) out.push_back(it->seid);
  }
  return out;
}

}  // namespace sluice::upf
