// Finds rules that also name the tunnel that carries a packet: the classifier's search over both
// headers at once, so that many rules about many base stations cost no more than rules about flows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "upf-dataplane/steer/classifier.h"

namespace sluice::upf {

// The outer header of a tunnel as a key: addresses (16 bytes, IPv4 mapped), their family, UDP
// ports.
FlowKey tunnel_key(const uint8_t* source, const uint8_t* destination, uint16_t source_port,
                   uint16_t destination_port);

// Immutable once built; any thread may search it.
class TunnelClassifier {
 public:
  TunnelClassifier() = default;
  // Boxes with tunnel conditions; those without match whatever the tunnel is.
  explicit TunnelClassifier(std::span<const Classifier::Entry> entries);

  // The lowest rank below `best` among the boxes that contain the packet, or `best`.
  Rank find(const FlowKey& inner, const FlowKey& outer, Rank best) const;

  bool empty() const { return tuples_.empty(); }

 private:
  struct Ports {
    uint16_t source_low, source_high;
    uint16_t destination_low, destination_high;
    bool contain(const FlowKey& key) const {
      return source_low <= key.source_port && key.source_port <= source_high &&
             destination_low <= key.destination_port && key.destination_port <= destination_high;
    }
  };
  struct Box {
    Rank rank;
    Ports inner;
    Ports outer;
  };
  // All boxes of a tuple with the same masked keys, in ascending rank.
  struct Slot {
    FlowKey inner;
    FlowKey outer;
    uint32_t first = 0;
    uint32_t count = 0;  // 0: a free slot
  };
  struct Tuple {
    FlowKey inner_mask;
    FlowKey outer_mask;
    Rank best = kNoRank;
    uint32_t slot_mask = 0;
    std::vector<Slot> slots;
    std::vector<Box> boxes;
  };
  struct Pending;

  static Tuple build_tuple(std::span<const Pending> members);

  std::vector<Tuple> tuples_;  // ascending by best
};

}  // namespace sluice::upf
