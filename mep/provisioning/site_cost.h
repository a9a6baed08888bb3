// What the rules of the site cost those who carry and analyse them.
#pragma once

#include <optional>

#include "mep/store/state.h"

namespace sluice::mep {

// As if every rule were active: a switch must never be what a bound forbids.
struct RuleCost {
  size_t mp2_bytes = 0;  // of the rules in an Mp2 message, an upper bound
  size_t boxes = 0;      // of the compiled traffic rules, both directions

  RuleCost& operator+=(const RuleCost& other) {
    mp2_bytes += other.mp2_bytes;
    boxes += other.boxes;
    return *this;
  }
  RuleCost& operator-=(const RuleCost& other) {
    mp2_bytes -= other.mp2_bytes;
    boxes -= other.boxes;
    return *this;
  }
};

// Sums up a site, computing anew only what differs from the state it was last asked about. One
// caller at a time.
class SiteCosts {
 public:
  // Of all rules in `state`. The states that are asked about must be of one store.
  RuleCost of(const State& state);

 private:
  std::optional<State> known_;
  RuleCost sum_;
};

}  // namespace sluice::mep
