// From a rule of MEC 011 to match boxes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "traffic-rules/match.h"
#include "traffic-rules/model.h"

namespace sluice::traffic_rules {

// A rule whose lists multiply to more boxes than this (per direction) is refused.
inline constexpr size_t kMaxBoxes = 4096;

// The addresses of the users registered under a tag. An unknown tag has none, and a filter that
// asks only for unknown tags matches nothing.
using TagResolver = std::function<std::vector<IpPrefix>(std::string_view tag)>;

// `resolve_tag` may be empty: no tag is known. The state of the rule is not looked at.
// Fails with kResourceExhausted when the rule needs more than kMaxBoxes boxes; the message names
// the rule and the count.
Result<CompiledRule> compile(std::string key, uint64_t order, const TrafficRule& rule,
                             const TagResolver& resolve_tag = {});

}  // namespace sluice::traffic_rules
