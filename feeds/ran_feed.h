// ran_feed/v1: takes what the radio network reports and tells those who follow it.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/http/router.h"
#include "feeds/ran_state.h"

namespace sluice::feeds {

struct FeedOptions {
  StateLimits state = {};
  size_t streams = 16;                      // at one time
  std::chrono::seconds stale_after{60};     // a report is marked as stale then
  std::chrono::seconds forget_after{3600};  // a user of whom nothing was heard is no longer known
  std::chrono::seconds max_ahead{5};        // what a report may be ahead of our clock
};

// Lines of one stream, or of all.
struct FeedCounts {
  uint64_t lines = 0;
  uint64_t accepted = 0;  // told something new
  uint64_t late = 0;      // newer reports were there already
  uint64_t refused = 0;
};

// Follows what is reported. Called by one thread at a time.
class Follower : public RanState::Observer {
 public:
  // Before reports are taken, with the state as it is. Reports are not taken while it runs.
  virtual void before_reports(const RanState& state) = 0;
  // Of each change, while nobody else sees the state.
  void changed(const RanState& state, const Change& change) override = 0;
  // Behind the last of some changes; others may read the state again.
  virtual void after_reports() = 0;
};

class FeedStream;

class RanFeed {
 public:
  // Whether the token that began a stream still entitles to it.
  using Entitlement = std::function<Result<void>(std::string_view bearer_token)>;

  // `clock` must outlive it.
  RanFeed(FeedOptions options, const Clock& clock, Entitlement check);
  RanFeed(const RanFeed&) = delete;
  RanFeed& operator=(const RanFeed&) = delete;

  // The operations of api-specs/ran_feed.yaml. They may run while this exists.
  http::Handlers handlers();
  std::map<std::string, http::BodyOpener, std::less<>> body_openers();

  // One at most; null: nobody any more. When this returns the one before is not called again.
  void follow(Follower* follower) {
    const std::lock_guard lock(ingest_mutex_);
    follower_ = follower;
  }

  // visit(const RanState&) while nothing changes it; from any thread, and short.
  template <typename Visit>
  auto read(Visit visit) const {
    const std::shared_lock lock(state_mutex_);
    return visit(static_cast<const RanState&>(state_));
  }
  // The same, and nothing else reaches the follower meanwhile.
  template <typename Visit>
  auto between_reports(Visit visit) {
    const std::lock_guard lock(ingest_mutex_);
    return visit(static_cast<const RanState&>(state_));
  }

  // Takes reports in this order; results[i] is true for one that was news. From any thread.
  std::vector<Result<bool>> take(std::vector<Report>&& reports);

  // Forgets users nobody reported of for `forget_after`. From time to time.
  void forget_silent();

  FeedCounts counts() const;
  size_t streams() const;  // that are open
  const FeedOptions& options() const { return options_; }
  int64_t now_ms() const;  // Unix time
  bool is_stale(int64_t time_ms) const {
    return now_ms() - time_ms > std::chrono::milliseconds(options_.stale_after).count();
  }

 private:
  friend class FeedStream;
  http::Response finish(const http::Request& request) const;
  http::Response list(const http::Request& request) const;
  size_t open_streams() const;  // streams_mutex_ is held

  const FeedOptions options_;
  const Clock& clock_;
  const Entitlement check_;
  Follower* follower_ = nullptr;

  std::mutex ingest_mutex_;                // one batch at a time, and what follows from it
  mutable std::shared_mutex state_mutex_;  // held shorter, within the other
  RanState state_;

  std::atomic<uint64_t> lines_{0}, accepted_{0}, late_{0}, refused_{0};
  mutable std::mutex streams_mutex_;
  std::deque<std::shared_ptr<FeedStream>> streams_;  // the newest last; ended ones are few
  uint64_t last_stream_ = 0;
};

}  // namespace sluice::feeds
