// What the workers count for a URR, and the limits at which they stop traffic or call the control
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

namespace sluice::upf {

// Counts since the meter was made.
struct UsageTotals {
  uint64_t uplink_bytes = 0;
  uint64_t downlink_bytes = 0;
  uint64_t uplink_packets = 0;
  uint64_t downlink_packets = 0;
  bool operator==(const UsageTotals&) const = default;
  uint64_t bytes() const { return uplink_bytes + downlink_bytes; }
};

// Packets to the UE that a FAR did not let through, since somebody asked.
struct DroppedDownlink {
  std::atomic<uint64_t> packets{0};
  std::atomic<uint64_t> bytes{0};
  // At these the control thread is told.
  std::atomic<uint64_t> tell_packets{std::numeric_limits<uint64_t>::max()};
  std::atomic<uint64_t> tell_bytes{std::numeric_limits<uint64_t>::max()};
};

// Values of UsageTotals. What counts reach `stop` no further packet passes; at `tell` the control
// thread is told.
struct UsageLimits {
  static constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
  struct Bytes {
    uint64_t total = kNone;
    uint64_t uplink = kNone;
    uint64_t downlink = kNone;
    bool operator==(const Bytes&) const = default;
  };
  Bytes stop = {};
  Bytes tell = {};
  uint64_t tell_dropped_packets = kNone;  // of packets to the UE that were dropped
  uint64_t tell_dropped_bytes = kNone;
  bool blocked = false;    // nothing passes
  bool tell_next = false;  // at the next packet, whatever the counts
  bool operator==(const UsageLimits&) const = default;
};

// One session's counter of one URR. Workers call permits(), count() and refused(), the control
// thread the rest.
class alignas(64) UsageMeter {
 public:
  explicit UsageMeter(bool before_qos) : before_qos_(before_qos) {}
  UsageMeter(const UsageMeter&) = delete;
  UsageMeter& operator=(const UsageMeter&) = delete;
  ~UsageMeter() { delete dropped_.load(std::memory_order_relaxed); }

  // Whether the quota lets another packet pass. The one that uses it up passes whole, so that what
  // is reported is never less than what was granted.
  bool permits() const {
    const uint64_t up = uplink_bytes_.load(std::memory_order_relaxed);
    const uint64_t down = downlink_bytes_.load(std::memory_order_relaxed);
    return !blocked_.load(std::memory_order_relaxed) &&
           up < stop_.uplink.load(std::memory_order_relaxed) &&
           down < stop_.downlink.load(std::memory_order_relaxed) &&
           up + down < stop_.total.load(std::memory_order_relaxed);
  }

  // Counts a packet at `now`, in ticks. True when the control thread is to be told, once until it
  // next begins to look. `shared`: several workers count here.
  bool count(uint32_t bytes, bool uplink, uint64_t now, bool shared) {
    add(uplink ? uplink_bytes_ : downlink_bytes_, bytes, shared);
    add(uplink ? uplink_packets_ : downlink_packets_, 1, shared);
    last_.store(now, std::memory_order_relaxed);
    const bool worth = tell_next_.load(std::memory_order_relaxed) || reached_tell();
    return worth && !told_.exchange(true, std::memory_order_acq_rel);
  }
  // A packet was refused. True as for count(): a quota that was used up when it was granted passes
  // no packet that could tell.
  bool refused() { return reached_tell() && !told_.exchange(true, std::memory_order_acq_rel); }
  // A packet to the UE was dropped by its FAR. True as for count().
  bool count_dropped(uint32_t bytes) {
    DroppedDownlink* const dropped = dropped_.load(std::memory_order_acquire);
    if (dropped == nullptr) return false;
    const uint64_t packets = dropped->packets.fetch_add(1, std::memory_order_relaxed) + 1;
    const uint64_t total = dropped->bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    return (packets >= dropped->tell_packets.load(std::memory_order_relaxed) ||
            total >= dropped->tell_bytes.load(std::memory_order_relaxed)) &&
           !told_.exchange(true, std::memory_order_acq_rel);
  }
  // The control thread could not be told: the next packet tries again.
  void not_told() { told_.store(false, std::memory_order_release); }

  bool before_qos() const { return before_qos_.load(std::memory_order_relaxed); }
  void set_before_qos(bool before) { before_qos_.store(before, std::memory_order_relaxed); }

  // From here on workers tell again. Call it before reading, so that nothing is missed.
  void begin_look() { told_.exchange(false, std::memory_order_acq_rel); }
  UsageTotals totals() const {
    return {.uplink_bytes = uplink_bytes_.load(std::memory_order_acquire),
            .downlink_bytes = downlink_bytes_.load(std::memory_order_acquire),
            .uplink_packets = uplink_packets_.load(std::memory_order_acquire),
            .downlink_packets = downlink_packets_.load(std::memory_order_acquire)};
  }
  // Counts dropped packets from now on.
  void watch_dropped() {
    if (dropped_.load(std::memory_order_relaxed) != nullptr) return;
    dropped_.store(new DroppedDownlink, std::memory_order_release);
  }
  // {packets, bytes}
  std::pair<uint64_t, uint64_t> dropped() const {
    const DroppedDownlink* const dropped = dropped_.load(std::memory_order_relaxed);
    if (dropped == nullptr) return {0, 0};
    return {dropped->packets.load(std::memory_order_acquire),
            dropped->bytes.load(std::memory_order_acquire)};
  }
  uint64_t last_packet() const { return last_.load(std::memory_order_acquire); }  // ticks; 0: none
  void set_limits(const UsageLimits& limits) {
    stop_.set(limits.stop);
    tell_.set(limits.tell);
    tell_next_.store(limits.tell_next, std::memory_order_relaxed);
    blocked_.store(limits.blocked, std::memory_order_relaxed);
    if (DroppedDownlink* const dropped = dropped_.load(std::memory_order_relaxed)) {
      dropped->tell_packets.store(limits.tell_dropped_packets, std::memory_order_relaxed);
      dropped->tell_bytes.store(limits.tell_dropped_bytes, std::memory_order_relaxed);
    }
  }

 private:
  struct Limits {
    std::atomic<uint64_t> total{UsageLimits::kNone};
    std::atomic<uint64_t> uplink{UsageLimits::kNone};
    std::atomic<uint64_t> downlink{UsageLimits::kNone};
    void set(const UsageLimits::Bytes& to) {
      total.store(to.total, std::memory_order_relaxed);
      uplink.store(to.uplink, std::memory_order_relaxed);
      downlink.store(to.downlink, std::memory_order_relaxed);
    }
  };

  bool reached_tell() const {
    const uint64_t up = uplink_bytes_.load(std::memory_order_relaxed);
    const uint64_t down = downlink_bytes_.load(std::memory_order_relaxed);
    return up + down >= tell_.total.load(std::memory_order_relaxed) ||
           up >= tell_.uplink.load(std::memory_order_relaxed) ||
           down >= tell_.downlink.load(std::memory_order_relaxed);
  }
  static void add(std::atomic<uint64_t>& counter, uint64_t n, bool shared) {
    if (shared) {
      counter.fetch_add(n, std::memory_order_relaxed);
    } else {
      counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
  }

  // One line that workers write, one that they read.
  std::atomic<uint64_t> uplink_bytes_{0};
  std::atomic<uint64_t> downlink_bytes_{0};
  std::atomic<uint64_t> uplink_packets_{0};
  std::atomic<uint64_t> downlink_packets_{0};
  std::atomic<uint64_t> last_{0};
  std::atomic<bool> told_{false};
  alignas(64) Limits stop_;
  Limits tell_;
  std::atomic<bool> tell_next_{false};
  std::atomic<bool> blocked_{false};
  std::atomic<bool> before_qos_;
  std::atomic<DroppedDownlink*> dropped_{nullptr};  // its own; null: nobody asks
};
static_assert(sizeof(UsageMeter) == 128);

}  // namespace sluice::upf
