// Who wants to know which tunnels sessions use.
#pragma once

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf {

class TunnelWatcher {
 public:
  virtual ~TunnelWatcher() = default;

  // A session's packets leave by a tunnel from now on, or no longer. What is added is removed once.
  virtual void tunnel_added(Seid seid, PortIndex port, const OuterHeader& tunnel) = 0;
  virtual void tunnel_removed(Seid seid, PortIndex port, const OuterHeader& tunnel) = 0;
};

}  // namespace sluice::upf
