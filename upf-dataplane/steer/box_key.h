// A match box in the form in which packets are compared: masked bits of a flow key, and port
// ranges.
#pragma once

#include <cstdint>
#include <optional>

#include "traffic-rules/match.h"
#include "upf-dataplane/packet/flow_key.h"

namespace sluice::upf {

// Tunnel conditions are no part of it.
struct BoxKey {
  FlowKey mask{};
  FlowKey value{};
  // What the mask cannot say: all ports, or a range that is not a single one.
  traffic_rules::PortRange source;
  traffic_rules::PortRange destination;

  // `network`: see Classifier::Entry.
  explicit BoxKey(const traffic_rules::MatchBox& box, uint16_t network = 0);

  // Whether ports have to be compared beside the mask.
  bool has_ranges() const {
    return (mask.source_port == 0 && source != traffic_rules::PortRange{}) ||
           (mask.destination_port == 0 && destination != traffic_rules::PortRange{});
  }

 private:
  void require_bits(uint8_t bits, uint8_t wanted) {
    mask.bits |= bits;
    value.bits |= wanted;
  }
};

// A total order by mask, then value.
inline int compare(const BoxKey& a, const BoxKey& b) {
  const int order = std::memcmp(&a.mask, &b.mask, sizeof(FlowKey));
  return order != 0 ? order : std::memcmp(&a.value, &b.value, sizeof(FlowKey));
}

}  // namespace sluice::upf
