#include "mep/dns/rule_follower.h"

#include "mep/steering/desired_set.h"

namespace sluice::mep::dns {

void RuleFollower::catch_up() {
  auto now = store_.snapshot();
  const DesiredOptions options{.default_ttl_s = default_ttl_s_};
  const bool rules_changed = !seen_ || now.generation() != seen_->generation();
  if (rules_changed) {
    mp2::Update change;
    if (seen_) {
      change = difference(*seen_, now, options);
    } else {
      change.upsert_dns = desired_set(now, options).dns;
    }
    for (const auto& key : change.remove_dns) names_.remove(key);
    for (const auto& entry : change.upsert_dns) names_.put(entry.key, entry.order, entry.rule);
    seen_ = std::move(now);
  }
  // Read before what it counts: a change in between is seen again, not missed.
  const uint64_t told = reports_.dns_revision();
  if (!rules_changed && told == reports_seen_) return;
  auto unusable = reports_.unusable_dns();
  for (const auto& key : unusable_) {
    if (!unusable.contains(key)) names_.set_usable(key, true);
  }
  for (const auto& key : unusable) names_.set_usable(key, false);
  unusable_ = std::move(unusable);
  reports_seen_ = told;
}

}  // namespace sluice::mep::dns
