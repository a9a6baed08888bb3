#include "upf-dataplane/control/rule_guarantees.h"

#include <algorithm>

namespace sluice::upf {
namespace {

uint64_t kbps(uint64_t bps) { return (bps + 999) / 1000; }

}  // namespace

std::shared_ptr<QerMeters> RuleGuarantees::meters(const std::optional<mp2::Guarantee>& guarantee,
                                                  uint64_t ticks_per_second) {
  if (!guarantee) return nullptr;
  const auto [found, is_new] = used_.try_emplace(guarantee->key);
  Entry& entry = found->second;
  if (is_new) {
    if (const auto old = before_.find(guarantee->key); old != before_.end()) {
      entry.meters = old->second.meters;
    }
  }
  entry.uplink_bps = std::max(entry.uplink_bps, guarantee->uplink_bps);
  entry.downlink_bps = std::max(entry.downlink_bps, guarantee->downlink_bps);
  entry.meters->uplink.set_rate(kbps(entry.uplink_bps), ticks_per_second);
  entry.meters->downlink.set_rate(kbps(entry.downlink_bps), ticks_per_second);
  return entry.meters;
}

void RuleGuarantees::forget_unused() {
  before_ = std::move(used_);
  used_.clear();
}

}  // namespace sluice::upf
