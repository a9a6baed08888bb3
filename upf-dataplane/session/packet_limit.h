// So many packets in a stretch of time (Packet Rate, TS 29.244 §8.2.63), as rate control for small
// data counts them: no bucket that fills, but a count that starts over.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace sluice::upf {

// One direction of a QER. Workers call take(), the control thread the rest. The count and the begin
// of the stretch are one word, so that workers agree without waiting for each other.
class PacketLimit {
 public:
  // At most `packets` (up to 65535) in `ticks`, counted from the first on. What was counted stays.
  void set(uint16_t packets, uint64_t ticks) {
    packets_.store(packets, std::memory_order_relaxed);
    ticks_.store(ticks >> kCoarse, std::memory_order_relaxed);
  }

  bool has_limit() const { return ticks_.load(std::memory_order_relaxed) != 0; }

  // Whether another packet may pass at `now`, and if so, counts it. `shared`: several workers call
  // this.
  bool take(uint64_t now, bool shared) {
    const uint64_t at = begin_at(now);
    const uint64_t most = packets_.load(std::memory_order_relaxed);
    uint64_t word = word_.load(std::memory_order_relaxed);
    while (true) {
      const uint64_t current = is_over(word, at) ? at << kCountBits : word;
      if ((current & kCountMask) >= most) return false;
      if (!shared) {
        word_.store(current + 1, std::memory_order_relaxed);
        return true;
      }
      if (word_.compare_exchange_weak(word, current + 1, std::memory_order_relaxed)) return true;
    }
  }

  // How many packets may still pass, and for how many ticks that holds: then they are all again. 0
  // ticks: none has been counted, and the time begins with the first.
  struct Status {
    uint16_t left = 0;
    uint64_t ticks = 0;
    bool operator==(const Status&) const = default;
  };
  Status status(uint64_t now) const {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    const uint64_t at = begin_at(now);
    const auto most = static_cast<uint16_t>(packets_.load(std::memory_order_relaxed));
    if (is_over(word, at)) return {most, 0};
    const uint64_t used = word & kCountMask;
    const auto passed = static_cast<uint64_t>(std::max<int64_t>(age(word, at), 0));
    return {static_cast<uint16_t>(used < most ? most - used : 0),
            (ticks_.load(std::memory_order_relaxed) - passed) << kCoarse};
  }
  // Goes on where another user plane stopped. `status.ticks` is at most the stretch.
  void resume(const Status& status, uint64_t now) {
    const uint64_t stretch = ticks_.load(std::memory_order_relaxed);
    const uint64_t left = status.ticks >> kCoarse;
    if (left == 0 || left > stretch) return;
    const uint64_t most = packets_.load(std::memory_order_relaxed);
    const uint64_t used = status.left < most ? most - status.left : 0;
    word_.store((begin_at(now) + left - stretch) << kCountBits | used, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kCoarse = 16;  // some 25 us at 2.6 GHz
  static constexpr unsigned kCountBits = 16;
  static constexpr uint64_t kCountMask = 0xffff;
  static constexpr uint64_t kTimeMask = ~uint64_t{0} >> kCountBits;

  static uint64_t begin_at(uint64_t now) { return now >> kCoarse & kTimeMask; }
  bool is_over(uint64_t word, uint64_t at) const {
    return word == 0 ||
           age(word, at) >= static_cast<int64_t>(ticks_.load(std::memory_order_relaxed));
  }
  // How long ago the stretch began. Less than 0 for a worker whose clock reading is a little older
  // than that of the one that began it.
  static int64_t age(uint64_t word, uint64_t at) {
    return static_cast<int64_t>((at - (word >> kCountBits)) << kCountBits) >> kCountBits;
  }

  std::atomic<uint64_t> word_{0};  // coarse ticks at the begin of the stretch, and packets since
  std::atomic<uint64_t> ticks_{0};
  std::atomic<uint64_t> packets_{0};
};

// Those of a QER; 65535 packets in no time where a direction has none.
struct PacketLimits {
  PacketLimit uplink;
  PacketLimit downlink;
};

}  // namespace sluice::upf
