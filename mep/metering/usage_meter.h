// Counts the calls of apps and makes them batches that are handed over exactly once.
//
//   count() ── in memory ── flush(), every half second ──▶ open records ── the interval ends ──▶
//   batch n ── read as often as wanted, always the same ── acknowledge(n) ──▶ gone
//
// A crash loses what was counted since the last flush. What is flushed is counted once: the records
// of an interval and the batch that they become change places in one change of the store.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/http/router.h"
#include "base/store/store.h"
#include "mep/metering/usage_records.h"

namespace sluice::mep {

struct UsageOptions {
  std::chrono::seconds interval{60};  // that a batch covers; longer when nothing was called
  size_t max_records = 100'000;       // kept until they are acknowledged; calls beyond are lost
};

class UsageMeter {
 public:
  static constexpr std::chrono::milliseconds kFlushPeriod{500};
  static constexpr size_t kMaxBatchRecords = 1'000;  // longer intervals make several batches

  // `store` and `clock` must outlive the meter, also what it has submitted.
  UsageMeter(store::Store& store, const UsageCollections& collections, const Clock& clock,
             UsageOptions options)
      : store_(store), collections_(collections), clock_(clock), options_(options) {}

  // Counts a call if an app made it. From any thread.
  void count(const http::Call& call, const http::Response& reply);

  // Has what was counted stored, and the interval closed when it is over. Call it every
  // kFlushPeriod and at the end. From any thread.
  void flush();

  // The oldest batch that was not acknowledged.
  std::optional<store::Stored<UsageBatch>> next() const;

  // The batch has been taken over; repeating it does no harm. kNotFound: there never was one;
  // kConflict: an older one was not acknowledged yet. Durable when `done` is called.
  void acknowledge(uint64_t sequence, store::Store::Done done);

 private:
  // What records are counted by. Refers to the texts of a record, or to those of a call.
  struct Key {
    std::string_view app;
    std::string_view operation;
    int status;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const noexcept {
      const std::hash<std::string_view> hash;
      return hash(key.app) * 31 + hash(key.operation) * 7 + static_cast<size_t>(key.status);
    }
  };
  // A node each, so that keys may refer to the records.
  using Counts = std::unordered_map<Key, std::unique_ptr<UsageRecord>, KeyHash>;
  struct Counted {
    std::mutex mutex;
    Counts counts;
    UsageRecord& of(const Key& key);  // with the mutex held
  };
  bool is_due(const store::Snapshot& now) const;
  void store_counts(store::Transaction& transaction, const Counts& counts) const;
  void close_interval(store::Transaction& transaction) const;
  UsageState state(const store::Snapshot& now) const;
  int64_t now_ms() const;

  store::Store& store_;
  const UsageCollections collections_;
  const Clock& clock_;
  const UsageOptions options_;
  // Shared with what was submitted: it comes back when it could not be stored.
  std::shared_ptr<Counted> counted_ = std::make_shared<Counted>();
};

}  // namespace sluice::mep
