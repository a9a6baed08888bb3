// Whether a traffic filter stays inside another one.
#pragma once

#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"

namespace sluice::mep {

// Every packet that `inner` matches is matched by `outer`, both being lists of which any filter is
// enough; kPermissionDenied with the member ("trafficFilter[1]") otherwise. Exact for each filter
// of `outer` on its own; an inner filter that only several outer ones cover piecewise is refused.
// What tags stand for changes with the users, so that they are compared by name: a filter without
// tags lies in none that has some. kUnsupported when a filter compiles to more match conditions
// than any user plane takes.
Result<void> check_contained(const std::vector<traffic_rules::TrafficFilter>& outer,
                             const std::vector<traffic_rules::TrafficFilter>& inner);

}  // namespace sluice::mep
