// What rules name as destinations (MEC 011 §7.1.5.3), as next hops and tunnels of this site.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/steer/destination.h"

namespace sluice::upf {

// Control thread only.
class RuleDestinations {
 public:
  explicit RuleDestinations(Neighbours& neighbours) : neighbours_(neighbours) {}

  // The destinations of a rule, none for DROP and PASSTHROUGH. Their next hops are not held. The
  // error names the member that leads nowhere.
  Result<std::vector<SteeringDestination>> resolve(const traffic_rules::TrafficRule& rule);

  // The local-dn port whose network holds the address, or else the first with a gateway for it.
  std::optional<PortIndex> local_port_for(const IpAddress& address) const;

 private:
  Result<SteeringDestination> resolve(const traffic_rules::DestinationInterface& to,
                                      const std::string& at);
  Result<SteeringDestination> tunnel(const traffic_rules::TunnelInfo& info, const std::string& at);
  std::optional<PortIndex> local_port_with(const std::optional<MacAddress>& mac) const;
  std::optional<PortIndex> tunnel_port_for(const IpAddress& far_end) const;
  std::optional<PortIndex> tunnel_port_with(const IpAddress& own) const;

  Neighbours& neighbours_;
};

}  // namespace sluice::upf
