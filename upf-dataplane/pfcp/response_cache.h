// Remembers responses for a while, so that a retransmitted request is answered without being
// carried out twice (TS 29.244 §6.4).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "upf-dataplane/pfcp/peer.h"

namespace sluice::upf::pfcp {

// Bounded in number and time; the oldest goes first.
class ResponseCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  ResponseCache(size_t capacity, std::chrono::milliseconds lifetime)
      : capacity_(capacity), lifetime_(lifetime) {}

  // The response to the same request, or nullptr. The same is: from the same peer, with the same
  // sequence number and the same bytes; a restarted peer counts from anew.
  const std::vector<uint8_t>* find(const Peer& peer, uint32_t sequence, Bytes request,
                                   TimePoint now);

  void store(const Peer& peer, uint32_t sequence, Bytes request, std::vector<uint8_t> response,
             TimePoint now);

  // Forgets what the peer was told.
  void forget(const Peer& peer);

  size_t size() const { return entries_.size(); }

 private:
  struct Key {
    Peer peer;
    uint32_t sequence = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    size_t request_hash = 0;
    std::vector<uint8_t> response;
    uint64_t age = 0;
  };
  struct Aged {
    Key key;
    uint64_t age = 0;
    TimePoint expires;
  };

  void expire(TimePoint now);

  size_t capacity_;
  std::chrono::milliseconds lifetime_;
  std::map<Key, Entry> entries_;
  std::deque<Aged> oldest_first_;  // may name entries that were replaced or forgotten since
  uint64_t last_age_ = 0;
};

}  // namespace sluice::upf::pfcp
