// Keeps a name table in step with the platform: ACTIVE DNS rules of apps that are ready, without
// those that the user plane has suspended or rejected.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "mep/dns/name_table.h"
#include "mep/steering/rule_reports.h"
#include "mep/store/store.h"

namespace sluice::mep::dns {

// For one thread, whichever; the store and the reports may change on others meanwhile.
class RuleFollower {
 public:
  // Rules without ttl get `default_ttl_s`. All must outlive it.
  RuleFollower(const Store& store, const RuleReports& reports, uint32_t default_ttl_s,
               NameTable& names)
      : store_(store), reports_(reports), default_ttl_s_(default_ttl_s), names_(names) {}

  // Afterwards every change acknowledged before the call is in the table. Costs next to nothing
  // when there was none, so that it can be asked before every batch of queries.
  void catch_up();

 private:
  const Store& store_;
  const RuleReports& reports_;
  uint32_t default_ttl_s_;
  NameTable& names_;
  std::optional<State> seen_;  // none: nothing yet
  uint64_t reports_seen_ = 0;
  std::set<std::string> unusable_;  // keys that the table knows as not usable
};

}  // namespace sluice::mep::dns
