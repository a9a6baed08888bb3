// What FARs make of a compiled PDR: its own, and those that take its place when a quota is used up.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "upf-dataplane/session/compile_session.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/session.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

// The PDR's extras, which it has from now on; valid until another's are asked for.
// kResourceExhausted when too many PDRs of the session have some.
Result<PdrExtras*> extras_of(CompiledPdr& out, Session::Parts& parts);

// What a FAR does with what the PDR detects; `out` is complete but for that. Errors are those of
// compile_session().
Result<void> apply_far(const Pdr& pdr, const Far& far, std::span<const Port> ports,
                       NextHopResolver& resolver, CompiledPdr& out, Session::Parts& parts);

// What happens to what `out` detects when quotas are used up: `fars` are those that its URRs name
// for that, in the order of its usage meters. `base` is `out` without any FAR.
Result<void> compile_quota_actions(const Pdr& pdr, const SessionSpec& spec,
                                   const std::vector<std::optional<FarId>>& fars,
                                   std::span<const Port> ports, NextHopResolver& resolver,
                                   const CompiledPdr& base, CompiledPdr& out,
                                   Session::Parts& parts);

}  // namespace sluice::upf
