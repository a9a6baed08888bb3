#include "mep/dns/answer_cache.h"

namespace sluice::mep::dns {

AnswerCache::Hit AnswerCache::find(const std::string& key, TimePoint now) {
  const auto found = index_.find(key);
  if (found == index_.end()) return {};
  const auto entry = found->second;
  const auto age = now - entry->since;
  if (age >= entry->answer->lifetime) {
    index_.erase(found);
    entries_.erase(entry);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return {entry->answer, std::chrono::duration_cast<std::chrono::seconds>(age)};
}

void AnswerCache::keep(const std::string& key, std::shared_ptr<const Answer> answer,
                       TimePoint now) {
  if (const auto known = index_.find(key); known != index_.end()) {
    const auto entry = known->second;
    index_.erase(known);
    entries_.erase(entry);
  }
  if (capacity_ == 0 || answer->lifetime.count() == 0 || answer->wire.size() > kLargest) return;
  if (entries_.size() >= capacity_) {
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(answer), now});
  index_.emplace(entries_.front().key, entries_.begin());
}

}  // namespace sluice::mep::dns
