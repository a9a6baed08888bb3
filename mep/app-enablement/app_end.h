// What has to go when an app instance goes: every part that keeps something for apps says how.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/store/transaction.h"

namespace sluice::mep {

class AppEnd {
 public:
  // Removes what a part keeps for the instance, within the change that ends it. Nothing being there
  // is no error: an instance may end more than once (TERMINATED, then withdrawn).
  using Removal = std::function<void(store::Transaction&, const std::string& app_instance_id)>;

  // Before the first change.
  void add(Removal removal) { removals_.push_back(std::move(removal)); }
  void operator()(store::Transaction& change, const std::string& app_instance_id) const {
    for (const auto& removal : removals_) removal(change, app_instance_id);
  }

 private:
  std::vector<Removal> removals_;
};

}  // namespace sluice::mep
