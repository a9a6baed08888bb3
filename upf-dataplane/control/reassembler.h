// Puts the outer fragments of tunnelled packets together again, in bounded memory and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/worker/counters.h"

namespace sluice::upf {

struct ReassemblyLimits {
  size_t datagrams = 1024;            // in progress
  size_t datagrams_per_source = 256;  // of one sender
  size_t bytes = 4 << 20;             // of their fragments
  size_t fragments = 64;              // of one datagram
  std::chrono::milliseconds lifetime{2000};
};

// Control thread only. Fragments that come to nothing count as dropped, each by itself.
class Reassembler {
 public:
  // `counters` are for the drops; both must outlive this.
  Reassembler(const ReassemblyLimits& limits, const Clock& clock, WorkerCounters& counters)
      : limits_(limits), clock_(clock), counters_(counters) {}

  // A frame with an IP fragment behind its Ethernet header, whose headers have been checked.
  // Returns the whole frame that it completes, without any fragment header. Fragments that overlap
  // discard the datagram (RFC 5722).
  std::optional<std::vector<uint8_t>> add(PortIndex port, std::span<const uint8_t> frame);

  // Gives up what has waited for too long; call it often.
  void expire();

  size_t datagrams() const { return datagrams_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Key {
    PortIndex port = 0;
    IpAddress source = {};
    IpAddress destination = {};
    uint32_t identification = 0;
    uint8_t protocol = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Datagram {
    std::map<uint32_t, std::vector<uint8_t>> parts = {};  // by offset, apart from each other
    std::vector<uint8_t> head = {};                       // Ethernet and IP header of the first
    uint32_t total = 0;                                   // 0: the last has not come
    uint32_t there = 0;
    uint64_t order = 0;
    std::chrono::steady_clock::time_point expires = {};
  };

  bool fits(const Datagram& datagram, uint32_t offset, uint32_t bytes, bool more) const;
  Datagram* find_or_make(const Key& key);
  void discard(const Key& key, DropReason reason);
  void forget(const Key& key);
  void count(DropReason reason, size_t frames = 1) {
    counters_.dropped[static_cast<size_t>(reason)].add(frames);
  }

  ReassemblyLimits limits_;
  const Clock& clock_;
  WorkerCounters& counters_;
  std::map<Key, Datagram> datagrams_;
  std::map<uint64_t, Key> by_age_;
  std::map<IpAddress, size_t> by_source_;
  size_t bytes_ = 0;
  uint64_t last_order_ = 0;
};

}  // namespace sluice::upf
