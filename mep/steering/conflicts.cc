#include "mep/steering/conflicts.h"

#include "traffic-rules/compile.h"
#include "traffic-rules/overlap.h"

namespace sluice::mep {
namespace {

HiddenRules analyse(const State& state) {
  std::vector<traffic_rules::CompiledRule> rules;
  for (const auto& [app_id, app] : state.apps()) {
    for (const auto& [key, stored] : state.rules_of<traffic_rules::TrafficRule>(app_id)) {
      const auto& record = stored.value;
      if (!is_desired(app.value, record)) continue;
      // One that is too large to compile is rejected by the user plane and hides nothing.
      auto rule = traffic_rules::compile(key, record.order, record.rule);
      if (rule) rules.push_back(std::move(*rule));
    }
  }
  HiddenRules out;
  const auto conflicts = traffic_rules::find_conflicts(rules);
  for (size_t i = 0; i < rules.size(); ++i) {
    for (const size_t other : conflicts[i].hidden_by) out[rules[i].key].push_back(rules[other].key);
  }
  return out;
}

}  // namespace

std::shared_ptr<const HiddenRules> ConflictView::hidden(const State& state) {
  const std::lock_guard lock(mutex_);
  if (!hidden_ || source_ != state.source() || generation_ != state.generation()) {
    hidden_ = std::make_shared<const HiddenRules>(analyse(state));
    source_ = state.source();
    generation_ = state.generation();
  }
  return hidden_;
}

}  // namespace sluice::mep
