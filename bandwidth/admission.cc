#include "bandwidth/admission.h"

#include <algorithm>

namespace sluice::bandwidth {
namespace {

struct Direction {
  const char* name;
  uint64_t (Allocation::*rate)() const;
  uint64_t Granted::* granted;
  uint64_t Capacity::* capacity;
};
constexpr Direction kDirections[] = {
    {"uplink", &Allocation::uplink_bps, &Granted::uplink_bps, &Capacity::uplink_bps},
    {"downlink", &Allocation::downlink_bps, &Granted::downlink_bps, &Capacity::downlink_bps}};

// The share of `whole` without overflow; 2^63 bits per second are enough for anybody.
uint64_t percent_of(uint64_t whole, uint32_t percent) {
  return whole / 100 * percent + whole % 100 * percent / 100;
}

Result<void> check_rate(const Direction& direction, uint64_t asked, uint64_t others, uint64_t most,
                        const char* whose) {
  const uint64_t left = most > others ? most - others : 0;
  if (asked <= left) return {};
  return std::unexpected(Error{ErrorCode::kResourceExhausted,
                               fmt::format("{} bit/s {} are asked for, of the {} {} {} are left",
                                           asked, direction.name, most, whose, left),
                               "fixedAllocation"});
}

}  // namespace

Granted granted(const store::Snapshot& state, const Records& records,
                const std::string* app_instance_id) {
  Granted out;
  for (const auto& [id, stored] : state.of(records.allocations)) {
    if (app_instance_id != nullptr && stored.value.app_instance_id != *app_instance_id) continue;
    ++out.allocations;
    for (const auto& direction : kDirections) {
      out.*direction.granted += (stored.value.*direction.rate)();
    }
  }
  return out;
}

Result<void> admit(const store::Snapshot& state, const Records& records, const Capacity& capacity,
                   std::string_view id, const Allocation& wanted) {
  const auto all = granted(state, records);
  const auto own = granted(state, records, &wanted.app_instance_id);
  const auto* stored = state.find(records.allocations, id);
  const Allocation before = stored == nullptr ? Allocation{} : stored->value;
  if (stored == nullptr) {
    if (own.allocations >= capacity.allocations_of_app) {
      return fail(ErrorCode::kResourceExhausted,
                  "there are {} allocations already, the most that is allowed", own.allocations);
    }
    if (all.allocations >= capacity.allocations) {
      return fail(ErrorCode::kResourceExhausted, "the site takes {} bandwidth allocations at most",
                  capacity.allocations);
    }
  }
  for (const auto& direction : kDirections) {
    const auto asked = (wanted.*direction.rate)();
    const auto had = (before.*direction.rate)();
    if (asked <= had) continue;
    const auto most = capacity.*direction.capacity;
    if (auto ok = check_rate(direction, asked, own.*direction.granted - had,
                             percent_of(most, capacity.percent_of_app), "for one app instance");
        !ok) {
      return ok;
    }
    if (auto ok = check_rate(direction, asked, all.*direction.granted - had, most, "of the site");
        !ok) {
      return ok;
    }
  }
  if (!wanted.of_session()) return {};
  for (const auto& [other, known] : state.of(records.allocations)) {
    if (other == id || !share_a_session(wanted, known.value)) continue;
    return std::unexpected(Error{ErrorCode::kPermissionDenied,
                                 "another allocation has some of these sessions", "sessionFilter"});
  }
  return {};
}

}  // namespace sluice::bandwidth
