#include "mep/provisioning/rule_status.h"

#include <algorithm>

#include "mep/timestamp.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::RuleState;

json hidden_by_json(const std::vector<std::string>& keys) {
  auto out = json::array();
  for (const auto& key : keys) {
    const auto slash = key.find('/');
    out.push_back({{"appInstanceId", key.substr(0, slash)}, {"ruleId", key.substr(slash + 1)}});
  }
  return out;
}

}  // namespace

template <typename Rule>
RuleStatusView::Fate RuleStatusView::fate_of(const AppInstance& app, const RuleRecord<Rule>& record,
                                             RuleKind kind, const std::string& key,
                                             const HiddenRules& hidden) const {
  if (record.rule.state == RuleState::kInactive) return {"INACTIVE", {}, record.changed_ms};
  if (!rules_in_effect(app.state)) {
    const bool over = app.state == AppState::kTerminated;
    return {"HELD", over ? "the app has ended" : "the app has not confirmed that it is ready",
            record.changed_ms};
  }
  const auto link = reports_.link();
  if (!link.connected) {
    return {"HELD", "the user plane is not connected", std::max(record.changed_ms, link.since_ms)};
  }
  const auto status = reports_.status(kind, key);
  if (!status) {
    return {"HELD",
            link.refusal.empty() ? "the user plane has not reported it yet"
                                 : "the user plane refused the rule set: " + link.refusal,
            std::max(record.changed_ms, link.since_ms)};
  }
  Fate fate{mp2::to_string(status->state),
            status->reason,
            static_cast<int64_t>(status->since_ms),
            status->hits,
            status->bytes,
            {}};
  if (status->state != mp2::SteeringState::kRejected) {
    fate.installed_generation = link.installed_generation;
  }
  if (status->state == mp2::SteeringState::kSteering && kind == RuleKind::kTraffic &&
      hidden.contains(key)) {
    fate.state = mp2::to_string(mp2::SteeringState::kHidden);
    fate.reason = "rules that precede it catch all that it would match";
  }
  return fate;
}

template <typename Visit>
void RuleStatusView::each_rule(const State& state, const AppInstance& app, Visit visit) const {
  const auto hidden = conflicts_.hidden(state);
  for (const auto& [key, rule] : state.rules_of<traffic_rules::TrafficRule>(app.id)) {
    visit(id_of(rule.value.rule), "TRAFFIC", key,
          fate_of(app, rule.value, RuleKind::kTraffic, key, *hidden), *hidden);
  }
  for (const auto& [key, rule] : state.rules_of<traffic_rules::DnsRule>(app.id)) {
    visit(id_of(rule.value.rule), "DNS", key,
          fate_of(app, rule.value, RuleKind::kDns, key, *hidden), HiddenRules{});
  }
}

json RuleStatusView::of_app(const State& state, const AppInstance& app) const {
  auto out = json::array();
  each_rule(state, app,
            [&](const std::string& id, const char* kind, const std::string& key, const Fate& fate,
                const HiddenRules& hidden) {
              json status = {{"ruleId", id},        {"kind", kind},
                             {"state", fate.state}, {"since", timestamp(fate.since_ms)},
                             {"hits", fate.hits},   {"bytes", fate.bytes}};
              if (fate.installed_generation) {
                status["installedGeneration"] = *fate.installed_generation;
              }
              if (!fate.reason.empty()) status["reason"] = fate.reason;
              const auto found = hidden.find(key);
              if (found != hidden.end()) status["hiddenBy"] = hidden_by_json(found->second);
              out.push_back(std::move(status));
            });
  return out;
}

std::map<std::string, size_t> RuleStatusView::counts(const State& state) const {
  std::map<std::string, size_t> out;
  for (const auto* word : {"STEERING", "SUSPENDED", "HELD", "HIDDEN", "REJECTED", "INACTIVE"}) {
    out[word] = 0;
  }
  for (const auto& [id, app] : state.apps()) {
    each_rule(state, app.value,
              [&](const std::string&, const char*, const std::string&, const Fate& fate,
                  const HiddenRules&) { ++out[fate.state]; });
  }
  return out;
}

}  // namespace sluice::mep
