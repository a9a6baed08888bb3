// The MEC rules of the user plane: takes them from Mp2, watches their destinations, and publishes
// the table that the workers use.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "mp2/messages.h"
#include "mp2/server.h"
#include "traffic-rules/match.h"
#include "upf-dataplane/control/guarantees.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/control/rule_destinations.h"
#include "upf-dataplane/session/reclaimer.h"
#include "upf-dataplane/worker/counters.h"
#include "upf-dataplane/worker/shared_state.h"

namespace sluice::upf {

// Control thread only.
class SteeringManager final : public mp2::Mp2Handler {
 public:
  // How many rule counters the workers must have for `capacity` rules and as many guarantees: one
  // shared, and twice their number, because a counter that was given back rests for a grace period.
  static constexpr size_t counter_slots(size_t capacity) { return capacity * 4 + 1; }

  // `capacity` bounds traffic and DNS rules together, and guarantees. Publishes an empty table at
  // once.
  SteeringManager(std::string instance_id, size_t capacity, SharedState& shared,
                  Neighbours& neighbours, Reclaimer& reclaimer, CounterBank& counters,
                  const Clock& clock);
  ~SteeringManager() override;

  // Refuses from now on what the mode inline cannot do; see RuleDestinations.
  void limit_to_inline() { destinations_.limit_to_inline(); }

  mp2::Hello hello() override;
  std::expected<mp2::Applied, mp2::Refused> apply(mp2::Replace message) override;
  std::expected<mp2::Applied, mp2::Refused> apply(mp2::Update message) override;
  void apply(mp2::Tags message) override;

  // Looks again at the destinations: rules whose destination was lost are suspended, rules whose
  // destination is back steer again.
  void refresh();

  mp2::Status status() const;
  // Replacements and updates taken over from a platform so far.
  uint64_t sets_applied() const { return sets_applied_; }
  // The rule that counts at `counter`, as the platform names it; empty: none, or another's.
  std::string key_of(uint32_t counter) const;
  // Who is told which rule or name counts at a counter from now on; an empty function: nobody.
  void tell_of_counters(std::function<void(uint32_t counter, const std::string& key)> listener) {
    on_counter_ = std::move(listener);
  }
  // Whether a table was published since the last call: what status() says may differ.
  bool take_changes() { return std::exchange(changed_, false); }

 private:
  // How a rule fares, and since when.
  struct Fate {
    mp2::SteeringState state = mp2::SteeringState::kSteering;
    std::string reason;
    uint64_t since_ms = 0;
  };
  struct TrafficRule {
    uint64_t order = 0;
    traffic_rules::TrafficRule rule;
    traffic_rules::CompiledRule compiled;
    std::string rejection;    // why it cannot be installed; empty: it can
    std::string missing_tag;  // whose users nobody has told; empty: none
    bool has_destinations = false;
    std::vector<SteeringDestination> to;  // their next hops are watched
    uint32_t counter = 0;
    Fate fate;
  };
  struct DnsRule {
    uint64_t order = 0;
    traffic_rules::DnsRule rule;
    std::string rejection;
    NextHopId next_hop = kNoNextHop;  // watched, when the answer is on a local network
    uint32_t counter = 0;
    Fate fate;
  };

  void put(mp2::RuleEntry entry);
  void put(mp2::DnsEntry entry);
  void remove_rule(const std::string& key);
  void remove_dns(const std::string& key);
  mp2::Applied applied() const;

  void resolve_tags();
  void compile(const std::string& key, TrafficRule& rule) const;

  Fate fate_of(const TrafficRule& rule) const;
  Fate fate_of(const std::string& rejection, NextHopId next_hop) const;
  bool settle(Fate& fate, Fate now);
  uint32_t take_counter(const std::string& key);
  void release_dropped();
  void free_counter(uint32_t counter);
  void publish();

  std::string instance_id_;
  size_t capacity_;
  SharedState& shared_;
  Neighbours& neighbours_;
  RuleDestinations destinations_;
  Reclaimer& reclaimer_;
  CounterBank& counters_;
  const Clock& clock_;
  mp2::SetVersion installed_;
  std::string tags_source_;
  std::map<std::string, std::vector<IpPrefix>, std::less<>> users_;  // by tag
  std::map<std::string, TrafficRule> rules_;
  std::map<std::string, DnsRule> dns_;
  // The one that was given back first is given out first, so that whoever counts by it has long
  // been told.
  std::shared_ptr<std::deque<uint32_t>> free_counters_;  // shared with reclaimer callbacks
  Guarantees guarantees_;
  uint32_t last_epoch_ = 0;
  std::unique_ptr<const SteeringTable> published_;
  bool changed_ = false;
  uint64_t sets_applied_ = 0;
  std::function<void(uint32_t, const std::string&)> on_counter_;
  // Named by the published table until the next one is.
  std::vector<NextHopId> to_unwatch_;
  std::vector<uint32_t> to_free_;
};

}  // namespace sluice::upf
