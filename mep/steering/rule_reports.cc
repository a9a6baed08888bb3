#include "mep/steering/rule_reports.h"

namespace sluice::mep {

RuleReports::Link RuleReports::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

std::optional<mp2::RuleStatus> RuleReports::status(RuleKind kind, const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto& statuses = kind == RuleKind::kTraffic ? traffic_ : dns_;
  const auto found = statuses.find(key);
  if (found == statuses.end()) return std::nullopt;
  return found->second;
}

std::set<std::string> RuleReports::unusable_dns() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> out;
  for (const auto& [key, status] : dns_) {
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
  for (const auto& rule : status.rules) traffic_.insert_or_assign(rule.key, rule);
  for (const auto& rule : status.dns) dns_.insert_or_assign(rule.key, rule);
  if (!status.dns.empty()) ++dns_revision_;
}

void RuleReports::forget(const mp2::Update* update) {
  if (update == nullptr) {
    traffic_.clear();
    dns_.clear();
    return;
  }
  for (const auto& entry : update->upsert_rules) traffic_.erase(entry.key);
  for (const auto& key : update->remove_rules) traffic_.erase(key);
  for (const auto& entry : update->upsert_dns) dns_.erase(entry.key);
  for (const auto& key : update->remove_dns) dns_.erase(key);
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
  std::erase_if(traffic_, steers);
  std::erase_if(dns_, steers);
  ++dns_revision_;
}

}  // namespace sluice::mep
