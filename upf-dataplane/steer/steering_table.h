// The MEC rules in force, compiled. Immutable; published by pointer, so that every packet is
// treated by one whole set of rules.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "upf-dataplane/dns/dns_table.h"
#include "upf-dataplane/session/meter.h"
#include "upf-dataplane/steer/classifier.h"
#include "upf-dataplane/steer/destination.h"
#include "upf-dataplane/steer/next_hop.h"
#include "upf-dataplane/steer/tunnel_classifier.h"

namespace sluice::upf {

// What a rule does with a packet, as far as this table's rules go.
enum class SteeringAction : uint8_t {
  kDrop,
  kForwardDecapsulated,  // as a plain packet to one next hop
  kPassthrough,
  kBranch,  // anything else: see SteeringBranch
};

// A rate that some packets may count on.
struct SteeringGuarantee {
  std::shared_ptr<QerMeters> meters;
  uint32_t counter = 0;  // index of the counters of its packets
};
using GuaranteeIndex = Rank;

struct SteeringRule {
  SteeringAction action = SteeringAction::kPassthrough;
  NextHopId next_hop = kNoNextHop;     // of kForwardDecapsulated
  uint32_t counter = 0;                // index of its hit counters
  uint32_t branch = 0;                 // of kBranch: index of its treatment
  GuaranteeIndex guarantee = kNoRank;  // of what its packets may count on, if anything
};

struct SteeringTable {
  uint32_t epoch = 1;  // unlike any other table's of this process, never 0
  Classifier uplink;
  Classifier downlink;
  // Rules with conditions on the tunnel that carries a packet, which the flow cache does not know.
  TunnelClassifier tunnelled_uplink;
  TunnelClassifier tunnelled_downlink;
  bool has_scopes = false;  // some rules are about the sessions of one network: see rule_key()
  std::vector<SteeringRule> rules;  // by rank
  std::vector<SteeringBranch> branches;
  TunnelPeers peers;
  DnsTable dns;
  // What flows may count on, whatever rule decides them: finds indices of `guarantees`.
  Classifier guaranteed_uplink;
  Classifier guaranteed_downlink;
  std::vector<SteeringGuarantee> guarantees;
};

}  // namespace sluice::upf
