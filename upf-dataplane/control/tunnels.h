// Which sessions send by which tunnels, and whether the far ends are there.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "upf-dataplane/control/path_monitor.h"
#include "upf-dataplane/control/tunnel_watcher.h"

namespace sluice::upf {

// Control thread only.
class Tunnels final : public TunnelWatcher {
 public:
  // `paths` is told of peers; it must outlive this.
  explicit Tunnels(PathMonitor& paths) : paths_(paths) {}

  void tunnel_added(Seid seid, PortIndex port, const OuterHeader& tunnel) override;
  void tunnel_removed(Seid seid, PortIndex port, const OuterHeader& tunnel) override;

  // The sessions that use the tunnel, each once.
  std::vector<Seid> users(const OuterHeader& tunnel) const;

  size_t size() const { return uses_.size(); }

 private:
  // Ordered by tunnel, then session: thousands of sessions may send by one tunnel (N9).
  struct Use {
    IpAddress peer;
    Teid teid;
    Seid seid;
    auto operator<=>(const Use&) const = default;
  };
  PathMonitor& paths_;
  std::multiset<Use> uses_;  // one for each PDR or copy
};

}  // namespace sluice::upf
