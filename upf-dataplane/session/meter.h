// Policing of a maximum bit rate: a token bucket in one word, exact to a fraction of a byte at any
// rate.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "upf-dataplane/session/packet_limit.h"

namespace sluice::upf {

// The bucket is kept as the time until which the rate is spoken for (the generic cell rate
// algorithm). Time is in ticks of the pipeline's clock. rte_meter keeps whole bytes per refill
// period and one writer; this keeps 2^-10 ticks, which at 10 Gb/s and 40 bytes is 10^-5 of a
// packet, and several workers may share it.
class Meter {
 public:
  // A full bucket lets this much pass at once: 15 ms of the rate, but two packets of 1500 bytes.
  static constexpr uint64_t kDepthMs = 15;
  static constexpr uint64_t kLeastDepthBytes = 3000;

  // Control thread: the rate from now on, 0 for none at all. What was spent stays spent.
  void set_rate(uint64_t kbps, uint64_t ticks_per_second, uint64_t depth_ms = kDepthMs) {
    uint64_t per_byte = kNever;
    uint64_t depth = 0;
    if (kbps > 0) {
      per_byte = (8 * ticks_per_second << kByteBits) / (kbps * 1000);
      const uint64_t bytes = std::max(kbps * depth_ms / 8, kLeastDepthBytes);
      depth = cost(per_byte, bytes);
    }
    depth_.store(depth, std::memory_order_relaxed);
    per_byte_.store(per_byte, std::memory_order_relaxed);
  }

  // Whether `bytes` may pass at `now`, and if so, charges them. `shared`: several workers call
  // this.
  bool take(uint32_t bytes, uint64_t now, bool shared) {
    const uint64_t per_byte = per_byte_.load(std::memory_order_relaxed);
    if (per_byte == kNever) return false;
    const uint64_t depth = depth_.load(std::memory_order_relaxed);
    const uint64_t charge = cost(per_byte, bytes);
    const uint64_t fine_now = now << kTickBits;
    uint64_t busy = busy_until_.load(std::memory_order_relaxed);
    while (true) {
      uint64_t ahead = busy - fine_now;
      // Beyond what can have been charged: it is in the past, or the clock went round.
      if (ahead > depth + cost(per_byte, kLargestPacket)) ahead = 0;
      // A full bucket passes any packet, however large, and owes the rest.
      if (ahead != 0 && ahead + charge > depth) return false;
      const uint64_t next = fine_now + ahead + charge;
      if (!shared) {
        busy_until_.store(next, std::memory_order_relaxed);
        return true;
      }
      if (busy_until_.compare_exchange_weak(busy, next, std::memory_order_relaxed)) return true;
    }
  }

  bool has_rate() const { return per_byte_.load(std::memory_order_relaxed) != kNever; }

  // Charges `bytes` that pass whatever the rate says. What is owed is bounded: a bucket and a
  // packet more.
  void charge(uint32_t bytes, uint64_t now) {
    const uint64_t per_byte = per_byte_.load(std::memory_order_relaxed);
    if (per_byte == kNever) return;
    const uint64_t most = depth_.load(std::memory_order_relaxed) + cost(per_byte, kLargestPacket);
    const uint64_t fine_now = now << kTickBits;
    uint64_t busy = busy_until_.load(std::memory_order_relaxed);
    uint64_t next = 0;
    do {
      uint64_t ahead = busy - fine_now;
      if (ahead > most) ahead = 0;
      next = fine_now + std::min(ahead + cost(per_byte, bytes), most);
    } while (!busy_until_.compare_exchange_weak(busy, next, std::memory_order_relaxed));
  }

  // Gives back what take() charged for a packet that another meter then refused.
  void give_back(uint32_t bytes, bool shared) {
    const uint64_t charge = cost(per_byte_.load(std::memory_order_relaxed), bytes);
    if (shared) {
      busy_until_.fetch_sub(charge, std::memory_order_relaxed);
    } else {
      busy_until_.store(busy_until_.load(std::memory_order_relaxed) - charge,
                        std::memory_order_relaxed);
    }
  }

 private:
  static constexpr unsigned kTickBits = 10;  // fraction of a tick in `busy_until_` and `depth_`
  static constexpr unsigned kByteBits = 20;  // fraction of a tick in `per_byte_`
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr uint64_t kLargestPacket = 65'535;

  // No overflow: at the least rate, 1 kb/s, a byte costs 2^45 at 3 GHz.
  static uint64_t cost(uint64_t per_byte, uint64_t bytes) {
    return per_byte * bytes >> (kByteBits - kTickBits);
  }

  std::atomic<uint64_t> busy_until_{0};
  std::atomic<uint64_t> per_byte_{kNever};
  std::atomic<uint64_t> depth_{0};
};

// What a QER limits; a session's own, on a line that no other session's worker writes.
struct alignas(64) QerMeters {
  Meter uplink;
  Meter downlink;
  std::unique_ptr<PacketLimits> packets = {};  // null: packets are not counted
};
static_assert(sizeof(QerMeters) == 64);

}  // namespace sluice::upf
