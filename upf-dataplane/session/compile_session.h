// Compiles a session that N4 asked for into what the workers use.
#pragma once

#include <span>

#include "base/error.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/rule_state.h"
#include "upf-dataplane/session/session.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

// Knows the neighbours a session's tunnels lead to.
class NextHopResolver {
 public:
  virtual ~NextHopResolver() = default;
  // The next hop towards `destination` by `port`: itself when on-link, otherwise the gateway;
  // starts resolving it if need be. kResourceExhausted when no more neighbours can be tracked,
  // kInvalidArgument when no route leads there.
  virtual Result<NextHopId> next_hop(PortIndex port, const IpAddress& destination) = 0;
};

// The port by which a FAR with an outer header towards the access network sends; nullopt when none
// serves its network instance.
std::optional<PortIndex> tunnel_port(const Far& far, std::span<const Port> ports);

// Fills everything of the parts but version and slot; they point into `state`, which carry_over()
// made for the spec. Fails with kInvalidArgument for what is wrong and kUnsupported for what is
// right but not done here; `field` names the IE.
Result<Session::Parts> compile_session(const SessionSpec& spec, const RuleState& state,
                                       std::span<const Port> ports, NextHopResolver& resolver);

}  // namespace sluice::upf
