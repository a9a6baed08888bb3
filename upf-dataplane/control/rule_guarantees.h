// The rates that rules of the platform guarantee: what is spent of one outlives changes of the
// rules.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "mp2/messages.h"
#include "upf-dataplane/session/meter.h"

namespace sluice::upf {

// Control thread only.
class RuleGuarantees {
 public:
  // The meters for a rule of the table in hand, which keeps them alive; null without a guarantee.
  std::shared_ptr<QerMeters> meters(const std::optional<mp2::Guarantee>& guarantee,
                                    uint64_t ticks_per_second);
  // A table is complete: forgets what none of its rules has asked for.
  void forget_unused();

 private:
  struct Entry {
    std::shared_ptr<QerMeters> meters = std::make_shared<QerMeters>();
    uint64_t uplink_bps = 0;
    uint64_t downlink_bps = 0;
  };
  std::map<std::string, Entry> used_;    // by the table in hand
  std::map<std::string, Entry> before_;  // by the one before it
};

}  // namespace sluice::upf
