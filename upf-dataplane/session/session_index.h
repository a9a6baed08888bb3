// From a packet to its session: by tunnel, or by UE address. One writer (the control thread), any
// number of lock-free readers.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/huge_memory.h"
#include "upf-dataplane/session/concurrent_map.h"
#include "upf-dataplane/session/prefix_index.h"
#include "upf-dataplane/session/session.h"

namespace sluice::upf {

class SessionIndex {
 public:
  // Room for `tunnels` TEIDs and as many UE addresses of each family.
  SessionIndex(size_t tunnels, Reclaimer& reclaimer);

  // --- readers ---
  void prefetch_teid(uint32_t teid) const { __builtin_prefetch(&tunnels_[teid & tunnel_mask_]); }
  void prefetch_v4(uint32_t raw) const { by_v4_.prefetch(raw); }
  void prefetch_v6(uint64_t raw_upper) const { by_v6_.prefetch(raw_upper); }
  const Session* find_teid(uint32_t teid) const {
    const Tunnel& tunnel = tunnels_[teid & tunnel_mask_];
    if (tunnel.teid.load(std::memory_order_acquire) == teid) {
      const Session* own = tunnel.session.load(std::memory_order_acquire);
      if (own != nullptr) return own;
    }
    // Also for a TEID that was ours once: an SMF may have chosen it since.
    return foreign_teids_.find(teid);
  }
  // Addresses as they lie in the packet; 0 finds nothing.
  const Session* find_v4(uint32_t raw) const { return by_v4_.find(raw); }
  const Session* find_v6(uint64_t raw_upper) const { return by_v6_.find(raw_upper); }

  // When find_v4() or find_v6() found nothing: by framed routes and other prefixes. The address is
  // that of a FlowKey.
  const Session* find_prefix(const uint8_t* address, bool is_v6) const {
    return prefixes_.find(address, is_v6);
  }

  // --- the writer ---
  // A TEID that has not been given out for as long as possible. Its low bits are an index, the rest
  // a generation, so that a lookup is one array access and a late packet of a freed tunnel finds
  // nothing.
  Result<Teid> allocate_teid();
  void release_teid(Teid teid);
  bool is_allocated(Teid teid) const;

  // Points a key at a session (null: at nothing). False when the table is full.
  bool set_teid(Teid teid, const Session* session);
  bool set_v4(uint32_t raw, const Session* session) { return set(by_v4_, raw, session); }
  bool set_v6(uint64_t raw_upper, const Session* session) {
    return set(by_v6_, raw_upper, session);
  }
  // A prefix of any length but 0, and of IPv6 at most 64 bits.
  bool set_prefix(const IpPrefix& prefix, const Session* session);
  const Session* at_prefix(const IpPrefix& prefix) const;

  size_t bytes() const;

 private:
  struct Tunnel {
    std::atomic<uint32_t> teid{0};  // the one in use or given out last, with its generation
    std::atomic<const Session*> session{nullptr};
  };
  using Map = ConcurrentMap<const Session>;

  static bool set(Map& map, uint64_t key, const Session* session) {
    if (session != nullptr) return map.set(key, session);
    map.erase(key);
    return true;
  }

  size_t tunnel_mask_;
  HugeVector<Tunnel> tunnels_;  // never resized
  std::vector<bool> allocated_;
  std::vector<uint32_t> free_;  // a ring: the slot freed longest ago is used next
  size_t free_head_ = 0;
  size_t free_count_ = 0;
  Map foreign_teids_;  // chosen by an SMF
  Map by_v4_;
  Map by_v6_;
  PrefixIndex prefixes_;
};

}  // namespace sluice::upf
