// What classification decided for the flows a worker saw last: exact match, one cache line a flow.
// Belongs to one worker; nothing is shared.
#pragma once

#include <bit>
#include <cstdint>

#include "base/huge_memory.h"
#include "upf-dataplane/packet/flow_hash.h"

namespace sluice::upf {

struct FlowDecision {
  uint32_t epoch = 0;  // of the steering table it was made with; 0: none
  uint32_t rule = 0;   // rank of the MEC rule, or kNoRank
  uint16_t pdr = 0;    // index among the session's PDRs of that direction, or kNoPdr
  uint16_t reserved = 0;
  uint32_t guarantee = 0;  // of the flow by itself, or kNoRank
};

class FlowCache {
 public:
  // Rounded up to a power of two.
  explicit FlowCache(size_t flows)
      : mask_(std::bit_ceil(std::max<size_t>(flows, kWays)) - 1), entries_(mask_ + 1) {}

  void prefetch(uint32_t hash) const { __builtin_prefetch(&entries_[hash & mask_ & ~(kWays - 1)]); }

  // Null unless the flow was stored under the same epoch. A session's changes need no epoch: its
  // version is part of the key.
  const FlowDecision* find(const FlowKey& key, uint32_t hash, uint32_t epoch) const {
    const Entry* set = &entries_[hash & mask_ & ~(kWays - 1)];
    for (size_t way = 0; way < kWays; ++way) {
      if (set[way].decision.epoch == epoch && equal(set[way].key, key)) return &set[way].decision;
    }
    return nullptr;
  }

  void store(const FlowKey& key, uint32_t hash, const FlowDecision& decision) {
    Entry* set = &entries_[hash & mask_ & ~(kWays - 1)];
    size_t victim = hash >> 31;  // any way will do, as long as it is not always the same
    for (size_t way = 0; way < kWays; ++way) {
      if (set[way].decision.epoch != decision.epoch) victim = way;
    }
    set[victim] = {key, decision};
  }

 private:
  static constexpr size_t kWays = 2;
  struct alignas(64) Entry {
    FlowKey key{};
    FlowDecision decision;
  };
  static_assert(sizeof(Entry) == 64);

  size_t mask_;
  HugeVector<Entry> entries_;
};

}  // namespace sluice::upf
