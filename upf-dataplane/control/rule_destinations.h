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

  // Refuses from now on what the mode inline cannot do: what leaves the wire leaves it as a plain
  // packet to one app, and nobody knows the users' data networks.
  void limit_to_inline() { is_inline_ = true; }

  // What rules may ask for.
  std::vector<traffic_rules::Action> actions() const;
  std::vector<traffic_rules::InterfaceType> interface_types() const;

 private:
  Result<void> check_mode(const traffic_rules::TrafficRule& rule) const;
  Result<SteeringDestination> resolve(const traffic_rules::DestinationInterface& to,
                                      const std::string& at);
  Result<SteeringDestination> tunnel(const traffic_rules::TunnelInfo& info, const std::string& at);
  std::optional<PortIndex> local_port_with(const std::optional<MacAddress>& mac) const;
  std::optional<PortIndex> tunnel_port_for(const IpAddress& far_end) const;
  std::optional<PortIndex> tunnel_port_with(const IpAddress& own) const;

  Neighbours& neighbours_;
  bool is_inline_ = false;
};

}  // namespace sluice::upf
