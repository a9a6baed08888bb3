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
  // index of its hit counters, `guarantee` what its packets may count on or kNoRank.
  void add(const traffic_rules::CompiledRule& rule, std::span<const SteeringDestination> to,
           uint32_t counter, GuaranteeIndex guarantee);

  // The next guarantee.
  GuaranteeIndex add(SteeringGuarantee guarantee);
  // Flows that may count on it by themselves. Where guarantees share flows the one added first
  // decides.
  void add_flows(GuaranteeIndex guarantee, std::span<const traffic_rules::MatchBox> uplink,
                 std::span<const traffic_rules::MatchBox> downlink);

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
  std::vector<Classifier::Entry> guaranteed_uplink_;
  std::vector<Classifier::Entry> guaranteed_downlink_;
};

}  // namespace sluice::upf
