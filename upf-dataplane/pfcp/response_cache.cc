#include "upf-dataplane/pfcp/response_cache.h"

#include <functional>
#include <string_view>
#include <utility>

namespace sluice::upf::pfcp {
namespace {

size_t hash_of(Bytes bytes) {
  return std::hash<std::string_view>{}(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

const std::vector<uint8_t>* ResponseCache::find(const Peer& peer, uint32_t sequence, Bytes request,
                                                TimePoint now) {
  expire(now);
  const auto found = entries_.find({peer, sequence});
  if (found == entries_.end() || found->second.request_hash != hash_of(request)) return nullptr;
  return &found->second.response;
}

void ResponseCache::store(const Peer& peer, uint32_t sequence, Bytes request,
                          std::vector<uint8_t> response, TimePoint now) {
  const Key key{peer, sequence};
  entries_[key] = {hash_of(request), std::move(response), ++last_age_};
  oldest_first_.push_back({key, last_age_, now + lifetime_});
  expire(now);
}

void ResponseCache::forget(const Peer& peer) {
  const auto first = entries_.lower_bound({peer, 0});
  auto last = first;
  while (last != entries_.end() && last->first.peer == peer) ++last;
  entries_.erase(first, last);
}

void ResponseCache::expire(TimePoint now) {
  while (!oldest_first_.empty() &&
         (oldest_first_.front().expires <= now || oldest_first_.size() > capacity_)) {
    const Aged& aged = oldest_first_.front();
    const auto found = entries_.find(aged.key);
    if (found != entries_.end() && found->second.age == aged.age) entries_.erase(found);
    oldest_first_.pop_front();
  }
}

}  // namespace sluice::upf::pfcp
