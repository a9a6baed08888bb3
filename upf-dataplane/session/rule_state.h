// What a session's rules remember while the session itself is compiled anew: how much of a rate is
// spent, how much was used. The control thread owns it; compiled sessions point into it.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "upf-dataplane/session/meter.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/usage_meter.h"

namespace sluice::upf {

struct RuleState {
  std::map<QerId, std::shared_ptr<QerMeters>>
      meters;  // of the QERs that have an MBR or a packet rate
  std::map<QerId, std::shared_ptr<QerMeters>> guarantees;  // of those that have a GBR

  std::map<UrrId, std::shared_ptr<UsageMeter>> usage;  // of every URR

  UsageMeter* usage_meter(UrrId id) const {
    const auto found = usage.find(id);
    return found == usage.end() ? nullptr : found->second.get();
  }
  QerMeters* meter(QerId id) const { return find(meters, id); }
  QerMeters* guarantee(QerId id) const { return find(guarantees, id); }

 private:
  static QerMeters* find(const std::map<QerId, std::shared_ptr<QerMeters>>& in, QerId id) {
    const auto found = in.find(id);
    return found == in.end() ? nullptr : found->second.get();
  }
};

// Where the time of day and the pipelines' ticks stand.
struct RuleClock {
  uint64_t ticks_per_second = 0;
  uint64_t ticks = 0;
  std::chrono::system_clock::time_point wall = {};
};

// The state for `spec`: that of `before`, untouched, for rules that stay; new and ready for the
// others.
RuleState carry_over(const SessionSpec& spec, const RuleState& before, const RuleClock& clock);

// Puts the rates and ways of counting of `spec` into effect, for rules that stayed too.
void apply_changes(const SessionSpec& spec, const RuleState& state, const RuleClock& clock);

}  // namespace sluice::upf
