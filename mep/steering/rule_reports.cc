#include "mep/steering/rule_reports.h"

namespace sluice::mep {

RuleReports::Link RuleReports::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

std::optional<mp2::RuleStatus> RuleReports::status(RuleKind kind, const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto& statuses = statuses_[static_cast<size_t>(kind)];
  const auto found = statuses.find(key);
  if (found == statuses.end()) return std::nullopt;
  return found->second;
}

std::set<std::string> RuleReports::unusable_dns() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> out;
  for (const auto& [key, status] : statuses_[static_cast<size_t>(RuleKind::kDns)]) {
    const bool usable = status.state == mp2::SteeringState::kSteering ||
                        status.state == mp2::SteeringState::kHidden;
    if (!usable) out.insert(key);
  }
  return out;
}

void RuleReports::set_link(Link link) {
  const std::lock_guard lock(mutex_);
  link_ = std::move(link);
}

void RuleReports::merge(const mp2::Status& status) {
  const std::lock_guard lock(mutex_);
  const auto take = [this](RuleKind kind, const std::vector<mp2::RuleStatus>& told) {
    for (const auto& rule : told) of(kind).insert_or_assign(rule.key, rule);
  };
  take(RuleKind::kTraffic, status.rules);
  take(RuleKind::kDns, status.dns);
  take(RuleKind::kGuarantee, status.guarantees);
  if (!status.dns.empty()) ++dns_revision_;
}

void RuleReports::forget(const mp2::Update* update) {
  if (update == nullptr) {
    for (auto& statuses : statuses_) statuses.clear();
    return;
  }
  const auto drop = [this](RuleKind kind, const auto& upserted,
                           const std::vector<std::string>& removed) {
    for (const auto& entry : upserted) of(kind).erase(entry.key);
    for (const auto& key : removed) of(kind).erase(key);
  };
  drop(RuleKind::kTraffic, update->upsert_rules, update->remove_rules);
  drop(RuleKind::kDns, update->upsert_dns, update->remove_dns);
  drop(RuleKind::kGuarantee, update->upsert_guarantees, update->remove_guarantees);
}

std::vector<mp2::Rejection> RuleReports::installed(const mp2::Update* update,
                                                   const std::vector<mp2::Rejection>& rejected,
                                                   int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  std::vector<mp2::RuleStatus> verdicts;
  std::vector<mp2::Rejection> news;
  for (const auto& rejection : rejected) {
    mp2::RuleStatus verdict{rejection.key,
                            mp2::SteeringState::kRejected,
                            rejection.reason,
                            static_cast<uint64_t>(now_ms),
                            0,
                            0};
    const auto before = of(rejection.kind).find(rejection.key);
    const bool stood =
        before != of(rejection.kind).end() && before->second.state == mp2::SteeringState::kRejected;
    if (stood) verdict.since_ms = before->second.since_ms;
    if (!stood || before->second.reason != rejection.reason) news.push_back(rejection);
    verdicts.push_back(std::move(verdict));
  }
  forget(update);
  for (size_t i = 0; i < rejected.size(); ++i) {
    of(rejected[i].kind).insert_or_assign(rejected[i].key, std::move(verdicts[i]));
  }
  ++dns_revision_;
  return news;
}

void RuleReports::forget_steering() {
  const std::lock_guard lock(mutex_);
  const auto steers = [](const auto& entry) {
    return entry.second.state != mp2::SteeringState::kRejected;
  };
  for (auto& statuses : statuses_) std::erase_if(statuses, steers);
  ++dns_revision_;
}

}  // namespace sluice::mep
