// Finds the first of many match boxes that a packet lies in: tuple space search. Boxes that mask
// the same bits share one hash table; tables are searched best rank first and the search ends as
// soon as no table left can hold anything better.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "traffic-rules/match.h"
#include "upf-dataplane/packet/flow_key.h"

namespace sluice::upf {

// Position in the order of precedence: 0 decides first.
using Rank = uint32_t;
inline constexpr Rank kNoRank = ~Rank{0};

// The key of a packet for classifiers with boxes that name a network: that of its session takes the
// place of the session.
inline FlowKey rule_key(FlowKey key, uint16_t network) {
  key.session_version = network;
  return key;
}

// Immutable once built; any thread may search it.
class Classifier {
 public:
  struct Entry {
    traffic_rules::MatchBox box;  // without tunnel_* conditions
    Rank rank = 0;
    uint16_t network = 0;  // only packets of sessions in this one of Networks; 0: of all
  };

  Classifier() = default;
  explicit Classifier(std::span<const Entry> entries);

  // The lowest rank among the boxes that contain the packet, or kNoRank. The direction of `key` is
  // not looked at; where boxes name a network, rule_key() is what they are compared with.
  Rank find(const FlowKey& key) const;

  bool empty() const { return tuples_.empty(); }
  // Whether a box names ports.
  bool wants_ports() const { return wants_ports_; }
  size_t tuples() const { return tuples_.size(); }

 private:
  // A box within its tuple: what the mask cannot say is the two port ranges.
  struct Box {
    Rank rank;
    uint16_t source_low, source_high;
    uint16_t destination_low, destination_high;
  };
  // All boxes of a tuple with the same masked key, in ascending rank.
  struct Slot {
    FlowKey key;
    uint32_t first = 0;
    uint32_t count = 0;  // 0: a free slot
  };
  struct Tuple {
    FlowKey mask;
    Rank best = kNoRank;  // of all its boxes
    bool has_ranges = false;
    uint32_t slot_mask = 0;
    std::vector<Slot> slots;
    std::vector<Box> boxes;
  };
  struct Pending;  // one entry while building

  static Tuple build_tuple(const FlowKey& mask, std::span<Pending> members);

  std::vector<Tuple> tuples_;  // ascending by best
  bool wants_ports_ = false;
};

}  // namespace sluice::upf
