// Which MEC rules this user plane can carry out.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"
#include "upf-dataplane/steer/steering_table.h"

namespace sluice::upf {

// What the workers do for the action; kUnsupported names the member.
Result<SteeringAction> supported_action(traffic_rules::Action action);

// Fails with kUnsupported at the first condition that the workers do not compare.
Result<void> check_filters(const traffic_rules::TrafficRule& rule);

// The members of trafficFilter (MEC 011 §7.1.2.2) that check_filters() admits.
std::vector<std::string> supported_filters();

}  // namespace sluice::upf
