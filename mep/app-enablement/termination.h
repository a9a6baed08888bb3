// Ends and stops app instances gracefully (MEC 011 §5.2.3): tells the app, waits for its word or
// for the end of its time, and goes on. Everything it knows is in the store, so that it goes on
// after a crash.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/event_loop.h"
#include "mep/app-enablement/app_end.h"
#include "mep/app-enablement/records.h"
#include "mep/store/store.h"
#include "notify/outbox.h"

namespace sluice::mep {

// The name of the API in notify/'s records.
inline constexpr const char* kAppSupportApi = "mec_app_support";

// The steps of a termination, each within a change of the caller's. Immutable; may be used by
// several threads at a time.
class Terminations {
 public:
  // All must outlive it; `ended` is complete before the first change. `public_uri` goes before the
  // path of links; may be empty.
  Terminations(const AppSupportRecords& records, const notify::Outbox& outbox, const AppEnd& ended,
               std::string public_uri)
      : records_(records), outbox_(outbox), ended_(ended), public_uri_(std::move(public_uri)) {}

  // Tells the app's subscribers and starts the time; without either it ends here. kNotFound without
  // such an instance, kConflict in a state that forbids it.
  Result<Termination> request(Draft& draft, const std::string& app_id, OperationAction action,
                              uint32_t graceful_timeout_s) const;

  // The app says that it is done. kConflict when nothing is pending or something else is.
  Result<void> confirm(Draft& draft, const std::string& app_id, OperationAction action) const;

  // An app that was asked to stop or end goes altogether: it is TERMINATED, the request confirmed.
  // kConflict when nothing is pending.
  Result<void> leave(Draft& draft, const std::string& app_id) const;

  // Ends those whose time is over; whether there were any.
  bool expire(Draft& draft) const;

  // When the next one's time is over, Unix time in milliseconds; nothing when none is pending.
  std::optional<int64_t> next_deadline_ms(const State& state) const;

  const AppSupportRecords& records() const { return records_; }

 private:
  uint64_t notify(Draft& draft, const std::string& app_id, const Termination& termination) const;
  Termination pending(const Draft& draft, const std::string& app_id) const;
  void finish(Draft& draft, AppInstance app, AppState next, Termination termination,
              TerminationResult result) const;

  const AppSupportRecords records_;
  const notify::Outbox& outbox_;
  const AppEnd& ended_;
  const std::string public_uri_;
};

// Calls expire() in time. Belongs to the loop's thread.
class TerminationTimer {
 public:
  // All must outlive it.
  TerminationTimer(EventLoop& loop, const Clock& clock, Store& store,
                   const Terminations& terminations);
  ~TerminationTimer();
  TerminationTimer(const TerminationTimer&) = delete;
  TerminationTimer& operator=(const TerminationTimer&) = delete;

  // To be called when the store has changed.
  void look() { arm(); }

 private:
  void arm(std::chrono::milliseconds at_least = {});
  void fire();

  EventLoop& loop_;
  const Clock& clock_;
  Store& store_;
  const Terminations& terminations_;
  std::optional<TimerId> timer_;
  std::shared_ptr<TerminationTimer*> alive_ = std::make_shared<TerminationTimer*>(this);
};

}  // namespace sluice::mep
