// Puts the rules in effect together into the table that workers use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "traffic-rules/match.h"
#include "upf-dataplane/session/networks.h"
#include "upf-dataplane/steer/steering_table.h"

namespace sluice::upf {

class SteeringTableBuilder {
 public:
  // `networks` are those that sessions are in; it must outlive this.
  explicit SteeringTableBuilder(const Networks& networks) : networks_(networks) {}

  // The next rule in order of precedence. `to` are the destinations of its action, `counter` the
  // index of its hit counters, `guarantee` the rate that its packets may count on or null.
  void add(const traffic_rules::CompiledRule& rule, std::span<const SteeringDestination> to,
           uint32_t counter, std::shared_ptr<QerMeters> guarantee);

  // The table, without DNS rules. The builder is used up.
  std::unique_ptr<SteeringTable> finish(uint32_t epoch);

 private:
  // The boxes of one direction, by the classifier that finds them.
  struct Boxes {
    std::vector<Classifier::Entry> plain;
    std::vector<Classifier::Entry> tunnelled;
    void add(const std::vector<traffic_rules::MatchBox>& boxes, Rank rank, uint16_t network);
  };

  void add_boxes(const traffic_rules::CompiledRule& rule, Rank rank, uint16_t network);

  const Networks& networks_;
  std::unique_ptr<SteeringTable> table_ = std::make_unique<SteeringTable>();
  Boxes uplink_;
  Boxes downlink_;
};

}  // namespace sluice::upf
