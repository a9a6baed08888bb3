// What the DNS server counts; from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::mep::dns {

struct Counters {
  using Count = std::atomic<uint64_t>;

  Count udp_queries{0};
  Count tcp_queries{0};
  // How they ended.
  Count by_rule{0};
  Count from_cache{0};
  Count forwarded{0};
  Count failed{0};      // SERVFAIL: no upstream resolver answered, or too many questions under way
  Count errors{0};      // FORMERR, NOTIMP, BADVERS
  Count refused{0};     // clients that are not allowed, and what is never answered
  Count unanswered{0};  // no queries, and refusals beyond their limit
  // Towards the upstream resolvers.
  Count attempts{0};
  Count failed_attempts{0};  // timeouts, errors, unusable responses
  Count false_responses{0};  // that fit no question: late or forged
  Count outstanding{0};      // questions under way now
  Count connections{0};      // TCP connections of clients now
};

inline void count(Counters::Count& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace sluice::mep::dns
