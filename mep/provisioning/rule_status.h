// How a rule fares, put together from what the platform wants and what the user plane reports.
#pragma once

#include <nlohmann/json.hpp>

#include "mep/steering/conflicts.h"
#include "mep/steering/rule_reports.h"
#include "mep/store/state.h"

namespace sluice::mep {

class RuleStatusView {
 public:
  // Both must outlive the view.
  RuleStatusView(const RuleReports& reports, ConflictView& conflicts)
      : reports_(reports), conflicts_(conflicts) {}

  // RuleStatus of api-specs/mm5.yaml for every rule of the instance: traffic rules, then DNS rules.
  nlohmann::json of_app(const State& state, const AppInstance& app) const;

  // How many rules of the site are in each state, by its word.
  std::map<std::string, size_t> counts(const State& state) const;

  RuleReports::Link link() const { return reports_.link(); }

 private:
  struct Fate {
    const char* state = "INACTIVE";
    std::string reason;
    int64_t since_ms = 0;
    uint64_t hits = 0;
    uint64_t bytes = 0;
    std::optional<uint64_t> installed_generation{};  // none: the user plane does not have it
  };
  template <typename Rule>
  Fate fate_of(const AppInstance& app, const RuleRecord<Rule>& record, RuleKind kind,
               const std::string& key, const HiddenRules& hidden) const;
  template <typename Visit>
  void each_rule(const State& state, const AppInstance& app, Visit visit) const;

  const RuleReports& reports_;
  ConflictView& conflicts_;
};

}  // namespace sluice::mep
