#include "mep/app-enablement/filter_containment.h"

#include <algorithm>

#include "traffic-rules/compile.h"
#include "traffic-rules/overlap.h"

namespace sluice::mep {
namespace {

using traffic_rules::MatchBox;
using traffic_rules::TrafficFilter;

// One filter: the packets it matches whoever the users are, and the tags that narrow them.
struct Region {
  std::vector<MatchBox> boxes;
  std::vector<std::string> tags;
};

Result<Region> region_of(const TrafficFilter& filter) {
  traffic_rules::TrafficRule rule;
  rule.traffic_filter = {filter};
  rule.traffic_filter.front().tag.clear();
  auto compiled = traffic_rules::compile("filter", 0, rule);
  if (!compiled) {
    return std::unexpected(Error{ErrorCode::kUnsupported, compiled.error().message, {}});
  }
  return Region{std::move(compiled->uplink), filter.tag};
}

// Tags narrow a filter to the users that have one of them.
bool tags_within(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  if (outer.empty()) return true;
  return !inner.empty() && std::ranges::all_of(inner, [&](const auto& tag) {
    return std::ranges::find(outer, tag) != outer.end();
  });
}

bool covered(const std::vector<Region>& outer, const MatchBox& box,
             const std::vector<std::string>& tags) {
  return std::ranges::any_of(outer, [&](const Region& region) {
    return tags_within(region.tags, tags) &&
           std::ranges::any_of(region.boxes, [&](const MatchBox& declared) {
             return traffic_rules::covers(declared, box);
           });
  });
}

// Some 40 ms: while filters are compared other changes of the store wait.
constexpr size_t kMaxComparisons = 1'000'000;

}  // namespace

Result<void> check_contained(const std::vector<TrafficFilter>& outer,
                             const std::vector<TrafficFilter>& inner) {
  std::vector<Region> declared;
  size_t declared_boxes = 0;
  for (const auto& filter : outer) {
    auto region = region_of(filter);
    if (!region) return std::unexpected(region.error());
    declared_boxes += region->boxes.size();
    declared.push_back(std::move(*region));
  }
  size_t comparisons = 0;
  for (size_t i = 0; i < inner.size(); ++i) {
    const auto member = fmt::format("trafficFilter[{}]", i);
    const auto region = region_of(inner[i]);
    if (!region) {
      return std::unexpected(Error{region.error().code, region.error().message, member});
    }
    comparisons += region->boxes.size() * declared_boxes;
    if (comparisons > kMaxComparisons) {
      return std::unexpected(
          Error{ErrorCode::kUnsupported,
                "has too many conditions to be compared with the declared filter", member});
    }
    const bool inside = std::ranges::all_of(
        region->boxes, [&](const MatchBox& box) { return covered(declared, box, region->tags); });
    if (!inside) {
      return std::unexpected(Error{ErrorCode::kPermissionDenied,
                                   "matches packets that the declared filter does not match",
                                   member});
    }
  }
  return {};
}

}  // namespace sluice::mep
