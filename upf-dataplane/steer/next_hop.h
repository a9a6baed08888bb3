// The neighbours that packets leave for: written by the control thread as they come and go, read by
// workers without a lock, and stable in place, so that a moved or lost neighbour needs no new
// tables.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/net/ip_address.h"
#include "base/strong_id.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

using NextHopId = StrongId<struct NextHopIdTag, uint32_t>;

// The id of no next hop: never resolved.
inline constexpr NextHopId kNoNextHop{0};

// One word, so that it is read and written whole.
class NextHop {
 public:
  NextHop() = default;  // unreachable
  // `reachable`: the address has answered and is believed to be alive.
  NextHop(const MacAddress& mac, PortIndex port, bool reachable)
      : word_(uint64_t{port} << 48 | uint64_t{reachable} << 56) {
    uint64_t low = 0;
    std::memcpy(&low, mac.bytes().data(), 6);
    word_ |= low;
  }
  static NextHop from_word(uint64_t word) {
    NextHop hop;
    hop.word_ = word;
    return hop;
  }

  uint64_t word() const { return word_; }
  PortIndex port() const { return static_cast<PortIndex>(word_ >> 48); }
  bool reachable() const { return (word_ >> 56) != 0; }
  void write_mac(uint8_t* to) const { std::memcpy(to, &word_, 6); }

 private:
  uint64_t word_ = 0;  // the MAC as it lies in memory, the port, whether it is reachable
};

class NextHopTable {
 public:
  // Ids run from 1 to `capacity`.
  explicit NextHopTable(size_t capacity)
      : capacity_(capacity), entries_(std::make_unique<std::atomic<uint64_t>[]>(capacity + 1)) {}

  size_t capacity() const { return capacity_; }

  NextHop get(NextHopId id) const {
    return NextHop::from_word(entries_[id.value()].load(std::memory_order_relaxed));
  }

  // Control thread only; `id` must not be kNoNextHop.
  void set(NextHopId id, const NextHop& hop) {
    entries_[id.value()].store(hop.word(), std::memory_order_relaxed);
  }

 private:
  size_t capacity_;
  std::unique_ptr<std::atomic<uint64_t>[]> entries_;  // [0] stays unreachable
};

}  // namespace sluice::upf
