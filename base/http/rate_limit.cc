#include "base/http/rate_limit.h"

#include <algorithm>
#include <cmath>

#include "base/net/ip_address.h"

namespace sluice::http {

TokenBuckets::TokenBuckets(const RateLimit& limit, const Clock& clock)
    : limit_(limit), clock_(clock) {}

TokenBuckets::Shard& TokenBuckets::shard_of(std::string_view client) {
  return shards_[std::hash<std::string_view>()(client) % kShards];
}

double TokenBuckets::tokens_at(std::chrono::steady_clock::time_point now,
                               const Bucket& bucket) const {
  const std::chrono::duration<double> since = now - bucket.at;
  return std::min(std::max(1.0, limit_.burst),
                  bucket.tokens + since.count() * limit_.requests_per_s);
}

std::optional<std::chrono::seconds> TokenBuckets::wait(double tokens) const {
  if (tokens >= 1) return std::nullopt;
  const double seconds = std::ceil((1 - tokens) / limit_.requests_per_s);
  return std::chrono::seconds(std::max<int64_t>(1, static_cast<int64_t>(seconds)));
}

void TokenBuckets::note_empty(const Bucket& bucket) {
  if (bucket.tokens >= 1) return;
  const std::chrono::duration<double> wait((1 - bucket.tokens) / limit_.requests_per_s);
  // A little later than exactly: what is rounded here must not hide who waits.
  const auto until = bucket.at + std::chrono::ceil<std::chrono::milliseconds>(wait);
  auto known = empty_until_.load();
  while (known < until && !empty_until_.compare_exchange_weak(known, until)) {
  }
}

std::optional<std::chrono::seconds> TokenBuckets::take(std::string_view client) {
  if (unlimited()) return std::nullopt;
  auto& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_client.find(client);
  if (found == shard.by_client.end()) {
    if (shard.recent.size() >= std::max<size_t>(1, limit_.max_clients / kShards)) {
      shard.by_client.erase(shard.recent.back().client);
      shard.recent.pop_back();
    }
    shard.recent.push_front({std::string(client), std::max(1.0, limit_.burst) - 1, clock_.now()});
    shard.by_client.emplace(shard.recent.front().client, shard.recent.begin());
    note_empty(shard.recent.front());
    return std::nullopt;
  }
  auto& bucket = *found->second;
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  const auto now = clock_.now();
  const double tokens = tokens_at(now, bucket);
  bucket.at = now;
  bucket.tokens = tokens < 1 ? tokens : tokens - 1;
  note_empty(bucket);
  return wait(tokens);
}

std::optional<std::chrono::seconds> TokenBuckets::look(std::string_view client) {
  if (unlimited()) return std::nullopt;
  auto& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_client.find(client);
  if (found == shard.by_client.end()) return std::nullopt;
  return wait(tokens_at(clock_.now(), *found->second));
}

std::optional<std::chrono::seconds> ClientLimiter::take_stranger(std::string_view remote) {
  if (strangers_.unlimited()) return std::nullopt;
  return strangers_.take(rate_key_of(remote));
}

std::optional<std::chrono::seconds> ClientLimiter::look_at_stranger(std::string_view remote) {
  if (strangers_.unlimited() || !strangers_.anybody_waits()) return std::nullopt;
  return strangers_.look(rate_key_of(remote));
}

std::string rate_key_of(std::string_view remote) {
  constexpr size_t kMaxKey = 64;  // whatever a proxy wrote
  auto host = remote;
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (std::ranges::count(host, ':') == 1) {
    host = host.substr(0, host.find(':'));
  }
  const auto address = IpAddress::parse(host);
  if (!address) return std::string(host.substr(0, kMaxKey));
  if (address->is_v4()) return std::string(host);  // which has no other form
  return IpPrefix::make(IpPrefix::make(*address, 64)->network(), 64)->to_string();
}

}  // namespace sluice::http
