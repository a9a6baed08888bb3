// What two states want in effect differently.
#pragma once

#include <set>
#include <string>

#include "mep/store/state.h"

namespace sluice::mep {

// Calls visit(key, const RuleRecord<Rule>* before, const RuleRecord<Rule>* after) for every rule
// that only one of two states of the same store wants in effect (the other pointer is null), or
// both with different records; stops when it returns false. Takes time in proportion to what
// differs and to the rules of apps that became ready or ceased to be.
template <typename Rule, typename Visit>
void for_each_desired_difference(const State& before, const State& after, Visit visit) {
  std::set<std::string> keys;
  store::for_each_difference(
      before.snapshot(), after.snapshot(), before.records().template rules<Rule>(),
      [&](const std::string& key, const auto*, const auto*) { keys.insert(key); });
  store::for_each_difference(
      before.snapshot(), after.snapshot(), before.records().apps,
      [&](const std::string& id, const auto* was, const auto* is) {
        if (was != nullptr && is != nullptr && was->value.state == is->value.state) return;
        for (const auto* state : {&before, &after}) {
          for (const auto& [key, rule] : state->template rules_of<Rule>(id)) keys.insert(key);
        }
      });
  const auto desired = [](const State& state, const std::string& key) -> const RuleRecord<Rule>* {
    const auto* app = state.find_app(std::string_view(key).substr(0, key.find('/')));
    const auto* rule = state.rules<Rule>().find(key);
    const bool wanted = app != nullptr && rule != nullptr && is_desired(*app, rule->value);
    return wanted ? &rule->value : nullptr;
  };
  for (const auto& key : keys) {
    const auto* was = desired(before, key);
    const auto* is = desired(after, key);
    // Records are never changed, so that the same one has the same content.
    if (was != is && !visit(key, was, is)) return;
  }
}

}  // namespace sluice::mep
