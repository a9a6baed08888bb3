// What the rules of the site cost those who carry and analyse them.
#pragma once

#include <map>
#include <memory>
#include <string>

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
};

RuleCost cost_of(const AppInstance& app);

// Sums up a site, computing anew only what changed since it was last asked. One caller at a time.
class SiteCosts {
 public:
  // All instances but the one called `except`.
  RuleCost of_others(const State& state, const std::string& except);

 private:
  struct Known {
    std::shared_ptr<const AppInstance> app;  // held: its address stands for its content
    RuleCost cost;
  };
  std::map<std::string, Known> known_;
};

}  // namespace sluice::mep
