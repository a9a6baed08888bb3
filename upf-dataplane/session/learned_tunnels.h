// What the mode inline has learned from passing traffic: which tunnels lead to which user. One
// writer (the control thread), any number of lock-free readers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/huge_memory.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/session/concurrent_map.h"
#include "upf-dataplane/session/session.h"

namespace sluice::upf {

// What stands in front of the outer IP header: Ethernet and up to two VLAN tags, as on the wire.
struct LinkHeader {
  static constexpr uint8_t kMost = 22;
  uint8_t bytes = 0;
  std::array<uint8_t, kMost> header{};

  // Whether frames of both run between the same hosts in the same VLANs. Priorities may differ.
  bool leads_like(const LinkHeader& other) const {
    constexpr size_t kAddresses = 12;
    constexpr uint8_t kHighOfVlan = 0x0f;  // of the tag's third byte; above it is the priority
    if (bytes != other.bytes || std::memcmp(header.data(), other.header.data(), kAddresses) != 0) {
      return false;
    }
    for (size_t at = kAddresses; at + 4 <= bytes; at += 4) {
      const uint8_t* a = header.data() + at;
      const uint8_t* b = other.header.data() + at;
      if (a[1] != b[1] || (a[2] & kHighOfVlan) != (b[2] & kHighOfVlan) || a[3] != b[3])
        return false;
    }
    return true;
  }
};

// Who is learned about: the core's end of the tunnels and the user's address behind it. 16 bytes
// each, IPv4 mapped; of an IPv6 user the /64.
struct TunnelOwner {
  std::array<uint8_t, 16> core{};
  std::array<uint8_t, 16> ue{};
  bool operator==(const TunnelOwner&) const = default;
};

// One end of a tunnel: an address (16 bytes, IPv4 mapped) and what it calls the tunnel.
struct TunnelEnd {
  std::array<uint8_t, 16> address{};
  uint32_t teid = 0;  // 0: none
  bool operator==(const TunnelEnd&) const = default;
};

// One packet that told something.
struct TunnelSight {
  enum class Kind : uint8_t {
    kUplink,    // by the tunnel `teid` of the core, from the base station `ran`
    kDownlink,  // into the tunnel `teid` of the base station `ran`
    kEnded,     // `ran` has no more use for its tunnel `teid`, of whomever it was
  };
  Kind kind = Kind::kUplink;
  bool outer_is_v6 = false;
  bool has_qfi = false;
  uint8_t qfi = 0;
  uint8_t tos = 0;  // of the outer header
  uint16_t source_port = 0;
  uint32_t teid = 0;
  TunnelOwner owner;
  std::array<uint8_t, 16> ran{};  // the base station's address, as the core's
  LinkHeader link;
};

// The tunnels of one user. Immutable once published.
struct LearnedTunnel {
  TunnelOwner owner;
  std::array<uint8_t, 16> uplink_ran{};  // whom packets came from last
  uint32_t uplink_teid = 0;              // 0: none was seen yet
  TunnelEnd downlink;                    // TEID 0: none is known
  bool outer_is_v6 = false;
  bool has_qfi = false;  // downlink packets come with a PDU Session Container
  uint8_t qfi = 0;
  uint8_t tos = 0;
  bool is_steerable = false;  // both ways are known and the address is nobody else's
  LinkHeader link;            // of downlink frames
  uint32_t slot = 0;
  const Session* session = nullptr;

  // Whether the packet comes by the tunnel that is known.
  bool fits(const TunnelSight& sight) const {
    if (sight.kind == TunnelSight::Kind::kUplink) {
      return uplink_teid == sight.teid && uplink_ran == sight.ran;
    }
    return downlink.teid == sight.teid && downlink.address == sight.ran &&
           has_qfi == sight.has_qfi && link.leads_like(sight.link);
  }
};

class LearnedTunnels {
 public:
  // Room for `capacity` users, between the ports `ran` and `core`.
  LearnedTunnels(size_t capacity, PortIndex ran, PortIndex core, uint64_t seed,
                 Reclaimer& reclaimer)
      : ran_(ran),
        core_(core),
        seed_(seed),
        capacity_(capacity),
        by_owner_(capacity, reclaimer),
        by_slot_(capacity) {}

  PortIndex ran() const { return ran_; }
  PortIndex core() const { return core_; }
  size_t capacity() const { return capacity_; }

  // --- readers ---
  // The key of a user. Nobody who does not know the seed can choose users with equal ones.
  uint64_t key_of(const TunnelOwner& owner) const {
    uint64_t words[4];
    std::memcpy(words, &owner, sizeof words);
    uint64_t h = seed_;
    for (const uint64_t word : words) {
      h = (h ^ word) * 0x9e3779b97f4a7c15U;
      h ^= h >> 29;
    }
    h = (h ^ seed_) * 0xbf58476d1ce4e5b9U;
    h ^= h >> 32;
    return h == 0 || h == ~uint64_t{0} ? 1 : h;
  }
  void prefetch(uint64_t key) const { by_owner_.prefetch(key); }
  // Null when nothing is known of the user. Valid until the next quiescent state.
  const LearnedTunnel* find(uint64_t key, const TunnelOwner& owner) const {
    const LearnedTunnel* found = by_owner_.find(key);
    return found != nullptr && found->owner == owner ? found : nullptr;
  }
  const LearnedTunnel* at(uint32_t slot) const {
    return by_slot_[slot].load(std::memory_order_acquire);
  }

  // --- the writer ---
  // Publishes what is known of the user in a slot; null: nothing any more. False when the table is
  // full.
  bool set(uint64_t key, uint32_t slot, const LearnedTunnel* tunnel) {
    by_slot_[slot].store(tunnel, std::memory_order_release);
    if (tunnel != nullptr) return by_owner_.set(key, tunnel);
    by_owner_.erase(key);
    return true;
  }

 private:
  PortIndex ran_;
  PortIndex core_;
  uint64_t seed_;
  size_t capacity_;
  ConcurrentMap<const LearnedTunnel> by_owner_;
  HugeVector<std::atomic<const LearnedTunnel*>> by_slot_;
};

// From one worker to the control thread: packets that tell something new.
class SightQueue {
 public:
  explicit SightQueue(uint64_t ticks_per_second)
      : patience_(ticks_per_second / kRepeatsPerSecond) {}

  // The worker. What was told already, and the control thread has hardly had the time to see, is
  // not told again; what there is no room for is lost: the user's next packet tells it.
  void tell(const TunnelSight& sight, uint64_t key, uint64_t now) {
    const uint64_t what =
        (key + static_cast<uint64_t>(sight.kind)) ^ uint64_t { sight.teid } * 0x9e3779b97f4a7c15U;
    Told& last = told_[what % told_.size()];
    if (last.what == what && now - last.at < patience_) return;
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return;
    }
    last = {what, now};
    entries_[tail % kCapacity] = {sight, now};
    tail_.store(tail + 1, std::memory_order_release);
  }

  // The control thread.
  struct Entry {
    TunnelSight sight;
    uint64_t at = 0;  // ticks
  };
  template <typename Visit>
  void drain(Visit visit) {
    const size_t tail = tail_.load(std::memory_order_acquire);
    size_t head = head_.load(std::memory_order_relaxed);
    for (; head != tail; ++head) visit(entries_[head % kCapacity]);
    head_.store(head, std::memory_order_release);
  }
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kCapacity = 1024;
  static constexpr uint64_t kRepeatsPerSecond = 500;
  struct Told {
    uint64_t what = 0;
    uint64_t at = 0;
  };

  const uint64_t patience_;  // ticks
  std::array<Told, 1024> told_{};
  std::array<Entry, kCapacity> entries_{};
  std::atomic<uint64_t> lost_{0};
  alignas(64) std::atomic<size_t> tail_{0};
  alignas(64) std::atomic<size_t> head_{0};
};

}  // namespace sluice::upf
