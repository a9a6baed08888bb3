#include "upf-dataplane/steer/classifier.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "upf-dataplane/packet/flow_hash.h"
#include "upf-dataplane/steer/box_key.h"

namespace sluice::upf {
struct Classifier::Pending {
  BoxKey key;
  Rank rank = 0;

  explicit Pending(const Entry& entry) : key(entry.box, entry.network), rank(entry.rank) {
    assert(!entry.box.tunnel_src && !entry.box.tunnel_dst && !entry.box.tunnel_src_port &&
           !entry.box.tunnel_dst_port);
  }
};

Classifier::Classifier(std::span<const Entry> entries) {
  std::vector<Pending> pending(entries.begin(), entries.end());
  wants_ports_ = std::ranges::any_of(entries, [](const Entry& entry) {
    return entry.box.src_port.has_value() || entry.box.dst_port.has_value();
  });
  const auto by_tuple = [](const Pending& a, const Pending& b) {
    const int order = compare(a.key, b.key);
    return order != 0 ? order < 0 : a.rank < b.rank;
  };
  std::ranges::sort(pending, by_tuple);
  for (auto first = pending.begin(); first != pending.end();) {
    const auto last = std::find_if(
        first, pending.end(), [&](const Pending& p) { return !(p.key.mask == first->key.mask); });
    tuples_.push_back(build_tuple(first->key.mask, {first, last}));
    first = last;
  }
  std::ranges::sort(tuples_, {}, &Tuple::best);
}

Classifier::Tuple Classifier::build_tuple(const FlowKey& mask, std::span<Pending> members) {
  Tuple tuple{.mask = mask, .slots = {}, .boxes = {}};
  const auto slots = std::bit_ceil(members.size() * 2);
  tuple.slot_mask = static_cast<uint32_t>(slots - 1);
  tuple.slots.resize(slots);
  tuple.boxes.reserve(members.size());
  for (size_t i = 0; i < members.size();) {
    uint32_t at = hash(members[i].key.value) & tuple.slot_mask;
    while (tuple.slots[at].count != 0) at = (at + 1) & tuple.slot_mask;
    Slot& slot = tuple.slots[at];
    slot.key = members[i].key.value;
    slot.first = static_cast<uint32_t>(tuple.boxes.size());
    for (; i < members.size() && members[i].key.value == slot.key; ++i) {
      const auto& [key, rank] = members[i];
      tuple.boxes.push_back(
          {rank, key.source.low, key.source.high, key.destination.low, key.destination.high});
      tuple.best = std::min(tuple.best, rank);
      tuple.has_ranges |= key.has_ranges();
      ++slot.count;
    }
  }
  return tuple;
}

Rank Classifier::find(const FlowKey& key) const {
  Rank best = kNoRank;
  for (const Tuple& tuple : tuples_) {
    if (tuple.best >= best) break;
    const FlowKey wanted = masked(key, tuple.mask);
    for (uint32_t at = hash(wanted) & tuple.slot_mask; tuple.slots[at].count != 0;
         at = (at + 1) & tuple.slot_mask) {
      const Slot& slot = tuple.slots[at];
      if (!equal(slot.key, wanted)) continue;
      const Box* box = &tuple.boxes[slot.first];
      const Box* const end = box + slot.count;
      if (tuple.has_ranges) {
        const auto inside = [&](const Box& b) {
          return b.source_low <= key.source_port && key.source_port <= b.source_high &&
                 b.destination_low <= key.destination_port &&
                 key.destination_port <= b.destination_high;
        };
        while (box != end && box->rank < best && !inside(*box)) ++box;
      }
      if (box != end) best = std::min(best, box->rank);
      break;
    }
  }
  return best;
}

}  // namespace sluice::upf
