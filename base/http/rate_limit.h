// How often clients may ask: token buckets, one a client.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace sluice::http {

struct RateLimit {
  double requests_per_s = 0;    // 0: no limit
  double burst = 0;             // asked at once, after a pause; at least 1
  size_t max_clients = 65'536;  // remembered; the one that asked longest ago is forgotten first
};

// All members may be called by several threads at a time.
class TokenBuckets {
 public:
  TokenBuckets(const RateLimit& limit, const Clock& clock);

  // Counts a request of that client. When it has asked too often: nothing is counted, and how long
  // it should wait, at least a second.
  std::optional<std::chrono::seconds> take(std::string_view client);
  // The same without counting.
  std::optional<std::chrono::seconds> look(std::string_view client);
  // Whether there may be somebody for whom look() has more than nothing.
  bool anybody_waits() const { return clock_.now() < empty_until_.load(); }
  bool unlimited() const { return limit_.requests_per_s <= 0; }

 private:
  static constexpr size_t kShards = 16;  // so that workers seldom meet at one lock

  struct Bucket {
    std::string client;
    double tokens;
    std::chrono::steady_clock::time_point at;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Bucket> recent;  // the last to ask first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_client;
  };
  Shard& shard_of(std::string_view client);
  void note_empty(const Bucket& bucket);
  double tokens_at(std::chrono::steady_clock::time_point now, const Bucket& bucket) const;
  std::optional<std::chrono::seconds> wait(double tokens) const;

  const RateLimit limit_;
  const Clock& clock_;
  // No bucket is empty from then on, unless somebody asks: nearly always now, so that look() need
  // not look.
  std::atomic<std::chrono::steady_clock::time_point> empty_until_{};
  std::array<Shard, kShards> shards_;
};

// The rate limits of a router: clients who have proved who they are have a bucket each, by their
// name; all others one for their address (IPv6: their /64). Requests whose client proves its
// identity are never charged to the address, so that apps behind one address do not use up each
// other's share; but while an address has used up its own by failed or anonymous requests, no token
// from there is looked at, so that forged ones cost nothing.
class ClientLimiter {
 public:
  ClientLimiter(const RateLimit& clients, const RateLimit& strangers, const Clock& clock)
      : clients_(clients, clock), strangers_(strangers, clock) {}

  // Each: how long to wait when the request is one too many.
  std::optional<std::chrono::seconds> take_client(std::string_view subject) {
    return clients_.take(subject);
  }
  // `remote` as in Request::remote.
  std::optional<std::chrono::seconds> take_stranger(std::string_view remote);
  std::optional<std::chrono::seconds> look_at_stranger(std::string_view remote);

 private:
  TokenBuckets clients_;
  TokenBuckets strangers_;
};

// "192.0.2.1" of "192.0.2.1:4000", "2001:db8::/64" of "[2001:db8::7]:4000"; the port may be absent.
std::string rate_key_of(std::string_view remote);

}  // namespace sluice::http
