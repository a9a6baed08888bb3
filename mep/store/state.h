// The platform's state as the apps' part of the store shows it. Immutable, cheap to copy.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "base/store/snapshot.h"
#include "mep/store/records.h"
#include "traffic-rules/identifier.h"

namespace sluice::mep {

// The rules of one app instance, for a loop: pairs of rule_key() and Stored<RuleRecord<Rule>>, in
// the order of rule ids. Valid as long as the state that it is of.
template <typename Rule>
class AppRules {
 public:
  using Map = RuleRecords<Rule>;
  struct End {
    std::string_view prefix;
  };
  class Iterator : public Map::const_iterator {
   public:
    explicit Iterator(typename Map::const_iterator at) : Map::const_iterator(std::move(at)) {}
    bool operator==(const End& end) const {
      const auto& place = static_cast<const typename Map::const_iterator&>(*this);
      return place == typename Map::const_iterator() || !place->first.starts_with(end.prefix);
    }
  };

  AppRules(const Map& all, std::string_view app_id)
      : all_(all), prefix_(traffic_rules::rule_key(app_id, "")) {}
  Iterator begin() const { return Iterator(all_.lower_bound(prefix_)); }
  End end() const { return {prefix_}; }
  // That of the first rule whose id is above `rule_id`.
  Iterator after(std::string_view rule_id) const {
    return Iterator(all_.upper_bound(prefix_ + std::string(rule_id)));
  }
  size_t size() const {
    size_t out = 0;
    for (auto i = begin(); i != end(); ++i) ++out;
    return out;
  }

 private:
  const Map& all_;
  std::string prefix_;
};

class State {
 public:
  // What is the same for all states of a run of the store.
  struct Origin {
    Records records;
    // UUID of this store and a random part of this opening of it: a copy that was put back counts
    // its generations again, and the same rules are shown otherwise under other settings.
    std::string source;
  };

  State(std::shared_ptr<const Origin> origin, store::Snapshot snapshot)
      : origin_(std::move(origin)), snapshot_(std::move(snapshot)) {}

  const std::string& source() const { return origin_->source; }
  const Records& records() const { return origin_->records; }
  // For the collections of other parts.
  const store::Snapshot& snapshot() const { return snapshot_; }

  // Counts the changes to what should be steered: the version of the desired set.
  uint64_t generation() const {
    const auto* found = snapshot_.find(origin_->records.counters, kGeneration);
    return found == nullptr ? 1 : found->value;
  }
  uint64_t revision() const { return snapshot_.revision(); }  // grows with every change

  // What these give out lives as long as the state, which therefore needs a name.
  const auto& apps() const& { return snapshot_.of(origin_->records.apps); }
  const auto& clients() const& { return snapshot_.of(origin_->records.clients); }
  template <typename Rule>
  const RuleRecords<Rule>& rules() const& {  // of all apps
    return snapshot_.of(origin_->records.rules<Rule>());
  }
  template <typename Rule>
  AppRules<Rule> rules_of(std::string_view app_id) const& {
    return {rules<Rule>(), app_id};
  }
  const AppInstance* find_app(std::string_view id) const& {
    const auto* found = apps().find(id);
    return found == nullptr ? nullptr : &found->value;
  }
  template <typename Rule>
  const store::Stored<RuleRecord<Rule>>* find_rule(std::string_view app_id,
                                                   std::string_view rule_id) const& {
    return rules<Rule>().find(traffic_rules::rule_key(app_id, rule_id));
  }
  void apps() && = delete;
  void clients() && = delete;
  void find_app(std::string_view) && = delete;

  // Of the newest change to the instance or one of its rules; 0 when there is no such instance.
  uint64_t app_revision(std::string_view id) const {
    const auto* app = apps().find(id);
    if (app == nullptr) return 0;
    auto out = app->revision;
    for (const auto& [key, rule] : rules_of<traffic_rules::TrafficRule>(id)) {
      out = std::max(out, rule.revision);
    }
    for (const auto& [key, rule] : rules_of<traffic_rules::DnsRule>(id)) {
      out = std::max(out, rule.revision);
    }
    return out;
  }

  bool operator==(const State& other) const { return snapshot_ == other.snapshot_; }

  static constexpr const char* kGeneration = "generation";  // in Records::counters

 private:
  std::shared_ptr<const Origin> origin_;
  store::Snapshot snapshot_;
};

}  // namespace sluice::mep
