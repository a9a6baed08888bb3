// Answers of upstream resolvers for as long as they may be kept; the least recently used go first.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mep/dns/answer.h"

namespace sluice::mep::dns {

// For one thread.
class AnswerCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Longer messages are not kept, so that the memory is bounded too.
  static constexpr size_t kLargest = 4096;

  // Keeps at most `capacity` answers; 0: none.
  explicit AnswerCache(size_t capacity) : capacity_(capacity) {}

  struct Hit {
    std::shared_ptr<const Answer> answer;
    std::chrono::seconds age;
  };
  // The key says all that an answer depends on. Null `answer`: nothing, or no longer.
  Hit find(const std::string& key, TimePoint now);
  void keep(const std::string& key, std::shared_ptr<const Answer> answer, TimePoint now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Answer> answer;
    TimePoint since;
  };
  using Entries = std::list<Entry>;

  size_t capacity_;
  Entries entries_;                                                // the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> index_;  // keys are the entries' own
};

}  // namespace sluice::mep::dns
