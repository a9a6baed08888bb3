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

void RuleReports::set_link(Link link) {
  const std::lock_guard lock(mutex_);
  link_ = std::move(link);
}

void RuleReports::merge(const mp2::Status& status) {
  const std::lock_guard lock(mutex_);
  for (const auto& rule : status.rules) traffic_.insert_or_assign(rule.key, rule);
  for (const auto& rule : status.dns) dns_.insert_or_assign(rule.key, rule);
}

void RuleReports::forget(const mp2::Update& update) {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : update.upsert_rules) traffic_.erase(entry.key);
  for (const auto& key : update.remove_rules) traffic_.erase(key);
  for (const auto& entry : update.upsert_dns) dns_.erase(entry.key);
  for (const auto& key : update.remove_dns) dns_.erase(key);
}

void RuleReports::forget_all() {
  const std::lock_guard lock(mutex_);
  traffic_.clear();
  dns_.clear();
}

void RuleReports::reject(const std::vector<mp2::Rejection>& rejections, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, reason] : rejections) {
    const mp2::RuleStatus status{
        key, mp2::SteeringState::kRejected, reason, static_cast<uint64_t>(now_ms), 0, 0};
    // A rejection does not say which kind it is of. Keys of the two kinds rarely coincide, and the
    // status that follows puts right what this got wrong.
    traffic_.insert_or_assign(key, status);
    dns_.insert_or_assign(key, status);
  }
}

}  // namespace sluice::mep
