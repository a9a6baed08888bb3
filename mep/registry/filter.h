// Which services a subscription is about: filteringCriteria of MEC 011 §8.1.3.2.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "mep/registry/change.h"

namespace sluice::mep::registry {

// All that is given must hold; an empty list is not given.
struct FilteringCriteria {
  std::set<std::string> ids;         // serInstanceIds
  std::set<std::string> names;       // serNames
  std::set<std::string> categories;  // ids of serCategories
  std::set<ServiceState> states;     // after the change
  std::optional<bool> is_local;
};

// Reads `filteringCriteria`. kInvalidArgument when more than one of serInstanceIds, serNames and
// serCategories is given.
Result<FilteringCriteria> criteria_from_json(const nlohmann::json& json);

// Whether the change is of interest. A service that gets another name or category interests those
// who asked for the old one too: they would never hear that it is gone.
bool matches(const FilteringCriteria& criteria, const ServiceChange& change);

}  // namespace sluice::mep::registry
