// A change of the apps' part of the store in the making.
#pragma once

#include <memory>
#include <string>

#include "base/store/transaction.h"
#include "mep/store/state.h"
#include "traffic-rules/json.h"

namespace sluice::mep {

class Draft {
 public:
  // For Store, and for changes of the whole store that concern apps too: call finish() at the end.
  Draft(store::Transaction& transaction, std::shared_ptr<const State::Origin> origin);

  // The state as changed so far. What it gave out stays valid until the end of the change.
  const State& state() const { return state_; }
  // For what else belongs to this change, in other collections. Not for those of Records.
  store::Transaction& transaction() { return transaction_; }
  uint64_t revision() const { return transaction_.revision(); }  // of what this change writes

  // Add or replace.
  void put_app(AppInstance app);
  void put_client(auth::Client client);
  template <typename Rule>
  void put_rule(std::string_view app_id, RuleRecord<Rule> record) {
    auto key = traffic_rules::rule_key(app_id, id_of(record.rule));
    transaction_.put(records().template rules<Rule>(), std::move(key), std::move(record));
    see();
  }

  // With its rules and clients. A client by which the app registered itself stays and is no
  // instance any more.
  void remove_app(const std::string& id);
  void remove_client(const std::string& id);
  // Put the app as well: with the rule goes the revision that told of it (State::app_revision()).
  template <typename Rule>
  void remove_rule(std::string_view app_id, std::string_view rule_id) {
    transaction_.erase(records().template rules<Rule>(), traffic_rules::rule_key(app_id, rule_id));
    see();
  }

  // A record of a rule that was declared or changed just now. `before` is the record that it takes
  // the place of, whose order and freedom it keeps; null for a new rule.
  template <typename Rule>
  RuleRecord<Rule> new_record(Rule rule, Rule declared, const RuleRecord<Rule>* before = nullptr) {
    auto text = to_json(rule).dump();
    return {std::move(rule),
            std::move(declared),
            before != nullptr ? before->order : next_order(),
            now_ms(),
            before != nullptr ? before->freedom : Freedom<Rule>{},
            std::move(text)};
  }
  int64_t now_ms() const;  // of this change, Unix time

  // Counts the generation up when the desired set has changed.
  void finish();

 private:
  const Records& records() const { return origin_->records; }
  void see() { state_ = State(origin_, transaction_.view()); }
  // Unique and increasing: the revision leaves room for as many rules as one change can have.
  uint64_t next_order() { return (revision() << 20) + orders_++; }
  template <typename Rule>
  bool differs() const;

  store::Transaction& transaction_;
  std::shared_ptr<const State::Origin> origin_;
  const State base_;
  State state_;
  uint64_t orders_ = 0;
};

}  // namespace sluice::mep
