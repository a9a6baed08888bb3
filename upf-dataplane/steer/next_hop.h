// The neighbours that packets leave for: written by the control thread as they come and go, read by
// workers without a lock, and stable in place, so that a moved or lost neighbour needs no new
// tables.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/net/ip_address.h"
#include "base/strong_id.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

using NextHopId = StrongId<struct NextHopIdTag, uint32_t>;

// The id of no next hop: never resolved.
inline constexpr NextHopId kNoNextHop{0};

struct NextHop {
  MacAddress mac;
  PortIndex port = 0;
  bool reachable = false;  // the address below has answered and is believed to be alive
};

class NextHopTable {
 public:
  // Ids run from 1 to `capacity`.
  explicit NextHopTable(size_t capacity)
      : capacity_(capacity), entries_(std::make_unique<std::atomic<uint64_t>[]>(capacity + 1)) {}

  size_t capacity() const { return capacity_; }

  NextHop get(NextHopId id) const {
    const uint64_t word = entries_[id.value()].load(std::memory_order_relaxed);
    NextHop hop;
    std::array<uint8_t, 6> mac;
    std::memcpy(mac.data(), &word, 6);
    hop.mac = MacAddress(mac);
    hop.port = static_cast<PortIndex>(word >> 48);
    hop.reachable = (word >> 56) != 0;
    return hop;
  }

  // Control thread only; `id` must not be kNoNextHop.
  void set(NextHopId id, const NextHop& hop) {
    uint64_t word = 0;
    std::memcpy(&word, hop.mac.bytes().data(), 6);
    word |= uint64_t{hop.port} << 48 | uint64_t{hop.reachable} << 56;
    entries_[id.value()].store(word, std::memory_order_relaxed);
  }

 private:
  size_t capacity_;
  std::unique_ptr<std::atomic<uint64_t>[]> entries_;  // [0] stays unreachable
};

}  // namespace sluice::upf
