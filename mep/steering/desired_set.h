// What the user plane should have in effect, taken from the platform's state.
#pragma once

#include <cstdint>
#include <memory>

#include "bandwidth/grants.h"
#include "mep/store/state.h"
#include "mp2/messages.h"

namespace sluice::mep {

// What is not in the rules themselves.
struct DesiredOptions {
  // For DNS rules without a ttl: the rule does not expire (MEC 011 §7.1.2.3), but an answer must
  // say how long it may be kept.
  uint32_t default_ttl_s = 60;
  const bandwidth::Grants* grants = nullptr;  // what is guaranteed; null: nothing
};

// The whole set.
mp2::Replace desired_set(const State& state, const DesiredOptions& options);

// What leads from the desired set of `from` to that of `to`, states of the same store.
mp2::Update difference(const State& from, const State& to, const DesiredOptions& options);

}  // namespace sluice::mep
