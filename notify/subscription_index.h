// The subscriptions of one type with their filters ready for use, for finding out whom an event
// concerns without reading the body of every subscription each time.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/store/snapshot.h"
#include "notify/outbox.h"

namespace sluice::notify {

// `Filter` is whatever an API makes of the body of its subscriptions. May be used from several
// threads, mostly from within changes.
template <typename Filter>
class SubscriptionIndex {
 public:
  // `parse` turns the body of a stored subscription into its filter, which the API checked when the
  // subscription was made.
  SubscriptionIndex(const Records& records, std::string api, std::string type,
                    std::function<Filter(const Subscription&)> parse)
      : records_(records), api_(std::move(api)), type_(std::move(type)), parse_(std::move(parse)) {}

  // The ids of the subscriptions in `state` (Transaction::view() or Store::snapshot()) of which
  // matches(filter, subscription) holds, in the order of their keys. Takes in what changed since it
  // was asked last.
  template <typename Matches>
  std::vector<std::string> find(const store::Snapshot& state, Matches matches) {
    const std::lock_guard lock(mutex_);
    catch_up(state);
    std::vector<std::string> out;
    for (const auto& [key, entry] : entries_) {
      if (matches(entry.filter, entry.subscription)) out.push_back(entry.subscription.id);
    }
    return out;
  }

 private:
  struct Entry {
    Subscription subscription;
    Filter filter;
  };
  using Rows = store::PersistentMap<store::Stored<Subscription>>;

  void catch_up(const store::Snapshot& state) {
    const auto& rows = state.of(records_.subscriptions);
    Rows::for_each_difference(
        seen_, rows, [this](const std::string& key, const auto*, const auto* is) {
          if (is == nullptr) {
            entries_.erase(key);
          } else if (is->value.api == api_ && is->value.type == type_) {
            entries_.insert_or_assign(key, Entry{is->value, parse_(is->value)});
          }
        });
    seen_ = rows;
  }

  const Records records_;
  const std::string api_, type_;
  const std::function<Filter(const Subscription&)> parse_;
  std::mutex mutex_;
  Rows seen_;
  std::map<std::string, Entry> entries_;
};

}  // namespace sluice::notify
