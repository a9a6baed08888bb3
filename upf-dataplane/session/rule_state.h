// What a session's rules remember while the session itself is compiled anew: how much of a rate is
// spent. The control thread owns it; compiled sessions point into it.
#pragma once

#include <map>
#include <memory>

#include "upf-dataplane/session/meter.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf {

struct RuleState {
  std::map<QerId, std::shared_ptr<QerMeters>> meters;  // of the QERs that have an MBR

  QerMeters* meter(QerId id) const {
    const auto found = meters.find(id);
    return found == meters.end() ? nullptr : found->second.get();
  }
};

// The state for `spec`: that of `before`, untouched, for rules that stay; new and ready for the
// others.
RuleState carry_over(const SessionSpec& spec, const RuleState& before, uint64_t ticks_per_second);

// Puts the rates of `spec` into effect, for rules that stayed too.
void apply_rates(const SessionSpec& spec, const RuleState& state, uint64_t ticks_per_second);

}  // namespace sluice::upf
