// Ids that appear in paths, keys and logs: appInstanceId, trafficRuleId, dnsRuleId.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::traffic_rules {

// 1 to kMaxIdLength letters, digits and "-_.~:@+"; not "." or "..", which a path would swallow.
Result<void> check_identifier(std::string_view id);

// "<appInstanceId>/<ruleId>": unique at a site, as neither part has a slash.
std::string rule_key(std::string_view app_instance_id, std::string_view rule_id);

}  // namespace sluice::traffic_rules
