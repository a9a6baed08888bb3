// The MEC rules in force, compiled. Immutable; published by pointer, so that every packet is
// treated by one whole set of rules.
#pragma once

#include <cstdint>
#include <vector>

#include "upf-dataplane/dns/dns_table.h"
#include "upf-dataplane/steer/classifier.h"
#include "upf-dataplane/steer/next_hop.h"

namespace sluice::upf {

// What a rule does with a packet, as far as this table's rules go.
enum class SteeringAction : uint8_t { kDrop, kForwardDecapsulated, kPassthrough };

struct SteeringRule {
  SteeringAction action = SteeringAction::kPassthrough;
  NextHopId next_hop = kNoNextHop;  // of kForwardDecapsulated
  uint32_t counter = 0;             // index of its hit counters
};

struct SteeringTable {
  uint32_t epoch = 1;  // unlike any other table's of this process, never 0
  Classifier uplink;
  Classifier downlink;
  std::vector<SteeringRule> rules;  // by rank
  DnsTable dns;
};

}  // namespace sluice::upf
