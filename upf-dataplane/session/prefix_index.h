// From an address to the session that has it in a prefix: framed routes, and users' IPv6 prefixes
// that are no /64. Asked only when no session has the address itself. One writer (the control
// thread), any number of lock-free readers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/net/ip_address.h"
#include "upf-dataplane/session/concurrent_map.h"
#include "upf-dataplane/session/session.h"

namespace sluice::upf {

class PrefixIndex {
 public:
  // Room for `capacity` prefixes of each family; the memory is taken with the first.
  PrefixIndex(size_t capacity, Reclaimer& reclaimer);
  ~PrefixIndex();

  // Prefixes that it can hold: IPv4 of 1 to 31 bits, IPv6 of 1 to 63.
  static bool can_hold(const IpPrefix& prefix);

  // --- readers ---
  // The session with the longest prefix that holds the address, 16 bytes as in a FlowKey.
  const Session* find(const uint8_t* address, bool is_v6) const;

  // --- the writer ---
  // Points a prefix at a session (null: at nothing). False when the table is full.
  bool set(const IpPrefix& prefix, const Session* session);
  // Who has exactly this prefix.
  const Session* at(const IpPrefix& prefix) const;

  size_t bytes() const;

 private:
  using Map = ConcurrentMap<const Session>;
  struct Family {
    // Bit n: there are prefixes of n bits.
    std::atomic<uint64_t> lengths{0};
    std::atomic<Map*> map{nullptr};
    std::vector<uint32_t> counts = std::vector<uint32_t>(64);  // by length
    std::unique_ptr<Map> owned;
  };
  const Family& family(bool is_v6) const { return is_v6 ? v6_ : v4_; }

  size_t capacity_;
  Reclaimer& reclaimer_;
  Family v4_;
  Family v6_;
};

}  // namespace sluice::upf
