// What the user plane should have in effect, taken from the platform's state.
#pragma once

#include <cstdint>
#include <memory>

#include "mep/store/state.h"
#include "mp2/messages.h"

namespace sluice::mep {

// The whole set. DNS rules without a ttl get `default_ttl_s`: the rule does not expire (MEC 011
// §7.1.2.3), but an answer must say how long it may be kept.
mp2::Replace desired_set(const State& state, uint32_t default_ttl_s);

// What leads from the desired set of `from` to that of `to`, states of the same store.
mp2::Update difference(const State& from, const State& to, uint32_t default_ttl_s);

}  // namespace sluice::mep
