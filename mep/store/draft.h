// A change in the making: a copy of the state, and a note of what differs for the disk.
#pragma once

#include <set>
#include <string>

#include "mep/store/state.h"

namespace sluice::mep {

class Draft {
 public:
  Draft(std::shared_ptr<const State> base, int64_t now_ms);

  // The state as changed so far.
  const State& state() const { return state_; }

  // Adds or replaces an instance. Rules that are the same records as before stay untouched; others
  // must come from new_record().
  void put_app(AppInstance app);
  void remove_app(const std::string& id);  // and its clients
  void put_client(auth::Client client);
  void remove_client(const std::string& id);

  // A record of a rule that was declared or changed just now. `before` is the record that it takes
  // the place of, whose order it keeps; null for a new rule.
  template <typename Rule>
  std::shared_ptr<const RuleRecord<Rule>> new_record(
      Rule rule, Rule declared, const std::shared_ptr<const RuleRecord<Rule>>& before) {
    return std::make_shared<const RuleRecord<Rule>>(
        RuleRecord<Rule>{std::move(rule), std::move(declared), state_.revision,
                         before ? before->order : next_order(), now_ms_});
  }

  // For the store: what to write.
  bool empty() const { return apps_.empty() && clients_.empty(); }
  const std::set<std::string>& changed_apps() const { return apps_; }
  const std::set<std::string>& changed_clients() const { return clients_; }
  // Ends the draft: counts the generation up when the desired set differs from the base's.
  std::shared_ptr<const State> finish();

 private:
  // Unique and increasing: the revision leaves room for as many rules as one change can have.
  uint64_t next_order() { return (state_.revision << 20) + orders_++; }

  std::shared_ptr<const State> base_;
  State state_;
  int64_t now_ms_;
  uint64_t orders_ = 0;
  std::set<std::string> apps_;
  std::set<std::string> clients_;
};

}  // namespace sluice::mep
