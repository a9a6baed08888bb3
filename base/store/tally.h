// How many values of a collection each owner has, and how many octets they take: what bounds are
// checked against.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/store/snapshot.h"

namespace sluice::store {

// Follows the collection by what differs from the state that it was asked about last. So it is
// right after a restart, after a write that failed, and whoever made the change.
template <typename T>
class Tally {
 public:
  struct Share {
    std::string owner;
    size_t octets = 0;
  };
  struct Sum {
    size_t count = 0;
    size_t octets = 0;

    void operator+=(const Share& share) {
      ++count;
      octets += share.octets;
    }
    void operator-=(const Share& share) {
      --count;
      octets -= share.octets;
    }
  };
  // What a value is to be counted as; the same whenever it is asked.
  using Measure = std::function<Share(const std::string& id, const T& value)>;

  Tally(Collection<T> collection, Measure measure)
      : collection_(collection), measure_(std::move(measure)) {}

  struct Sums {
    Sum own;
    Sum all;
  };
  // In `state`: Transaction::view() or Store::snapshot(). From any thread; takes time in proportion
  // to what has changed.
  Sums of(const Snapshot& state, std::string_view owner) {
    const std::lock_guard lock(mutex_);
    catch_up(state.of(collection_));
    const auto found = sums_.find(owner);
    return {found == sums_.end() ? Sum{} : found->second, all_};
  }

 private:
  using Rows = PersistentMap<Stored<T>>;

  void catch_up(const Rows& rows) {
    Rows::for_each_difference(seen_, rows, [this](const auto& id, const auto* was, const auto* is) {
      if (was != nullptr) take(measure_(id, was->value));
      if (is != nullptr) add(measure_(id, is->value));
    });
    seen_ = rows;
  }
  void add(const Share& share) {
    sums_[share.owner] += share;
    all_ += share;
  }
  void take(const Share& share) {
    const auto found = sums_.find(share.owner);
    found->second -= share;
    if (found->second.count == 0) sums_.erase(found);
    all_ -= share;
  }

  const Collection<T> collection_;
  const Measure measure_;
  std::mutex mutex_;  // guards what follows
  Rows seen_;
  std::map<std::string, Sum, std::less<>> sums_;
  Sum all_;
};

}  // namespace sluice::store
