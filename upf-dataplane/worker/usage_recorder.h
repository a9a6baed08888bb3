// Who used which MEC rule: one writer's counts by session and rule, handed to the control thread in
// turns, so that neither waits for the other and nothing piles up.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::upf {

// Of one session and rule, in one turn. IP bytes of users' packets.
struct UsageEntry {
  uint32_t session = 0;  // its serial
  uint32_t slot = 0;     // its slot
  uint32_t rule = 0;     // the rule's counter, plus one; 0: a free entry
  uint64_t uplink_packets = 0;
  uint64_t uplink_bytes = 0;
  uint64_t downlink_packets = 0;
  uint64_t downlink_bytes = 0;
};

// Two tables: the writer counts in one while the control thread has the other.
class UsageRecorder {
 public:
  // `entries`: pairs of session and rule in a turn; rounded up to a power of two.
  explicit UsageRecorder(size_t entries)
      : mask_(std::bit_ceil(entries) - 1),
        tables_{std::vector<UsageEntry>(mask_ + 1), std::vector<UsageEntry>(mask_ + 1)} {}

  // --- the writer ---
  // Call it often, also when nothing happens: only between two calls does a turn end.
  void begin_round() {
    current_ = wanted_.load(std::memory_order_acquire);
    if (used_.load(std::memory_order_relaxed) == current_) return;
    used_.store(current_, std::memory_order_release);
  }
  // Counts a packet for a rule. Without room for another session and rule it is unattributed.
  void add(uint32_t session, uint32_t slot, uint32_t counter, bool uplink, uint64_t bytes) {
    auto& table = tables_[current_];
    const size_t hash = (session * 0x9e3779b1U) ^ (counter * 0x85ebca6bU) ^ (counter >> 7);
    for (size_t probe = 0; probe < kProbes; ++probe) {
      UsageEntry& entry = table[(hash + probe) & mask_];
      if (entry.rule == 0) {
        entry.session = session;
        entry.slot = slot;
        entry.rule = counter + 1;
      } else if (entry.session != session || entry.rule != counter + 1) {
        continue;
      }
      ++(uplink ? entry.uplink_packets : entry.downlink_packets);
      (uplink ? entry.uplink_bytes : entry.downlink_bytes) += bytes;
      return;
    }
    unattributed_.store(unattributed_.load(std::memory_order_relaxed) + 1,
                        std::memory_order_relaxed);
  }

  // --- the control thread ---
  // Visits what the writer counted in the turn before its present one, clears it, and ends the
  // present one. False, and nothing happens, while the writer has not taken notice of the last end.
  template <typename Visit>
  bool take(Visit visit) {
    const uint32_t wanted = wanted_.load(std::memory_order_relaxed);
    if (used_.load(std::memory_order_acquire) != wanted) return false;
    for (UsageEntry& entry : tables_[1 - wanted]) {
      if (entry.rule == 0) continue;
      visit(entry);
      entry = {};
    }
    wanted_.store(1 - wanted, std::memory_order_release);
    return true;
  }
  uint64_t unattributed() const { return unattributed_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kProbes = 16;

  const size_t mask_;
  std::array<std::vector<UsageEntry>, 2> tables_;
  uint32_t current_ = 0;  // the writer's
  std::atomic<uint32_t> wanted_{0};
  std::atomic<uint32_t> used_{0};
  std::atomic<uint64_t> unattributed_{0};
};

}  // namespace sluice::upf
