// Which services still beat (MEC 011 §8.2.10). Heartbeats are kept in memory; what follows from
// their absence or return is a change of the store.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/store/store.h"
#include "mep/registry/registry.h"

namespace sluice::mep::registry {

// An active service that beats is suspended when it stays silent for its interval and the grace
// (LivenessRules). Registration and every PUT count as signs of life, and so does the start of the
// platform: nobody could beat before. A service that was suspended then stays so until it beats.
class Liveness {
 public:
  // All must outlive it.
  Liveness(store::Store& store, const Registry& registry, const Clock& clock)
      : store_(store), registry_(registry), clock_(clock) {}

  // Notes a sign of life. Whether the service is about to be suspended: then the sign must become a
  // change, which comes after that one. From any thread.
  bool beat(const std::string& id);

  // When it was last heard of, since the platform started. From any thread.
  std::optional<std::chrono::system_clock::time_point> last_beat(const std::string& id) const;

  // Suspends, without waiting for it, the services that are overdue. To be called at the time that
  // it returned last, or earlier; at least once a second.
  std::chrono::steady_clock::time_point check();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Beat {
    Time at;
    std::chrono::system_clock::time_point wall;
    bool suspending = false;  // a change that suspends it has been made and not yet answered
    uint64_t round = 0;       // of check() that last saw the service
  };

  Time deadline(const Beat& beat, const ServiceRecord& record) const;
  void suspend(const std::vector<std::string>& ids);
  Result<void> suspend_overdue(store::Transaction& change, const std::vector<std::string>& ids);

  struct Memory {
    std::mutex mutex;  // guards what follows
    std::unordered_map<std::string, Beat> beats;
    uint64_t round = 0;
  };

  store::Store& store_;
  const Registry& registry_;
  const Clock& clock_;
  // The store may answer when this object is gone.
  const std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
};

}  // namespace sluice::mep::registry
