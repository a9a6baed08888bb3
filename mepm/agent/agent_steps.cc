// One step of an instance's life: what its phase asks for, and what is written down of it.
#include "base/log.h"
#include "mepm/agent/agent.h"
#include "mepm/agent/outcome.h"

namespace sluice::mepm {
using std::chrono::milliseconds;

std::optional<milliseconds> Agent::step(const std::string& id) {
  const auto state = store_.snapshot();
  const auto* stored = state.find(records_.instances, id);
  if (stored == nullptr || stopped_) return std::nullopt;
  const auto& record = stored->value;
  if (const auto event = towards(record.phase, record.desired);
      event && !(record.failed && *event == Event::kRun)) {
    return advance(record, *event, {}) ? milliseconds(0) : options_.first_pause;
  }
  if (record.phase == Phase::kNone || record.phase == Phase::kHalted) return std::nullopt;
  const auto* package = state.find(records_.packages, record.package);
  reached(record.phase, "begin");
  Outcome outcome;
  try {
    outcome = act(record, package != nullptr ? package->value : PackageRecord{});
  } catch (const std::exception& e) {  // JSON of others with another shape than it has to have
    outcome = {.kind = Outcome::Kind::kLater, .problem = e.what()};
  }
  if (stopped_) return std::nullopt;
  reached(record.phase, "done");
  if (outcome.kind == Outcome::Kind::kWait) {
    if (!outcome.credentials) return outcome.delay;
    const bool kept = keep(record, *outcome.credentials);
    reached(record.phase, "kept");
    return kept ? outcome.delay : options_.first_pause;
  }
  const bool can_fail = next_phase(record.phase, Event::kFailed).has_value();
  if (outcome.kind == Outcome::Kind::kLater && can_fail &&
      record.attempts + 1 >= options_.attempts) {
    outcome.kind = Outcome::Kind::kFailed;
  }
  if (outcome.kind == Outcome::Kind::kLater || outcome.kind == Outcome::Kind::kAway ||
      (outcome.kind == Outcome::Kind::kFailed && !can_fail)) {
    note(record, record.attempts + 1, outcome.problem);
    return pause(record.attempts);
  }
  const auto event = outcome.kind == Outcome::Kind::kDone     ? Event::kDone
                     : outcome.kind == Outcome::Kind::kFailed ? Event::kFailed
                                                              : Event::kLost;
  const bool stored_it = advance(record, event, outcome);
  reached(record.phase, "stored");
  if (!stored_it) return options_.first_pause;
  // Back to where it came from: not at once again.
  return event == Event::kLost && record.phase == Phase::kStarting
             ? pause(static_cast<uint32_t>(std::min<uint64_t>(record.restarts, 16)))
             : milliseconds(0);
}

// -- what is written down -------------------------------------------------------------------------

void Agent::enter(store::Transaction& change, InstanceRecord& record, Phase phase) const {
  record.phase = phase;
  record.since_ms = now_ms();
  record.attempts = 0;
  if (phase == Phase::kNone) {
    record.address.clear();
    record.client_id.clear();
    record.client_secret.clear();
    record.restarts = 0;
  }
  if (!is_settled(phase)) return;
  if (!record.failed) {
    record.problem.clear();
    if (!towards(phase, record.desired)) close_operation(change, record, "COMPLETED", "");
  } else {
    close_operation(change, record, "FAILED", record.problem);
  }
}

// False when it could not be stored, or the instance is another one meanwhile.
bool Agent::advance(const InstanceRecord& before, Event event, const Outcome& outcome) {
  Phase entered = before.phase;
  const auto done = store_.change([&](store::Transaction& change) -> Result<void> {
    const auto view = change.view();
    const auto* stored = view.find(records_.instances, before.id);
    if (stored == nullptr || stored->value.phase != before.phase) {
      return fail(ErrorCode::kConflict, "the instance is another one meanwhile");
    }
    auto record = stored->value;
    auto next = next_phase(record.phase, event);
    if (!next) return {};
    if (outcome.credentials) {
      record.client_id = outcome.credentials->client_id;
      record.client_secret = outcome.credentials->client_secret;
    }
    if (event == Event::kFailed || event == Event::kLost) record.problem = outcome.problem;
    // A goodbye that failed is not a failure of what is asked for.
    if (event == Event::kFailed && record.desired != Desired::kNotInstantiated &&
        record.phase != Phase::kStopping) {
      record.failed = true;
    }
    if (event == Event::kLost) ++record.restarts;
    if (record.phase == Phase::kNone) {
      std::vector<std::string> taken;
      for (const auto& [id, other] : view.of(records_.instances)) {
        if (other.value.phase != Phase::kNone) taken.push_back(other.value.address);
      }
      const auto* package = view.find(records_.packages, record.package);
      const auto address = package == nullptr
                               ? Result<std::string>(fail(ErrorCode::kNotFound, "no package"))
                               : choose_address(package->value.appd, options_.apps, taken);
      if (!address) {
        record.failed = true;
        record.problem = address.error().to_string();
        next = Phase::kNone;
      } else {
        record.address = *address;
      }
    }
    enter(change, record, *next);
    entered = *next;
    change.put(records_.instances, record.id, record);
    return {};
  });
  if (!done) {
    if (done.error().code == ErrorCode::kConflict) return true;  // look at it anew
    spdlog::error("mepm cannot store app_instance_id={} reason=\"{}\"", before.id,
                  done.error().message);
    return false;
  }
  spdlog::info("mepm app_instance_id={} phase={} from={}{}", before.id, to_string(entered),
               to_string(before.phase),
               outcome.problem.empty() ? "" : " reason=\"" + outcome.problem + "\"");
  const std::lock_guard lock(waits_mutex_);
  waits_.erase(before.id);
  return true;
}

void Agent::note(const InstanceRecord& before, uint32_t attempts, const std::string& problem) {
  if (before.attempts == attempts && before.problem == problem) return;
  (void)store_.change([&](store::Transaction& change) -> Result<void> {
    const auto view = change.view();
    const auto* stored = view.find(records_.instances, before.id);
    if (stored == nullptr || stored->value.phase != before.phase) return {};
    auto record = stored->value;
    record.attempts = attempts;
    record.problem = problem;
    change.put(records_.instances, before.id, std::move(record));
    return {};
  });
  if (before.problem != problem && !problem.empty()) {
    spdlog::warn("mepm app_instance_id={} phase={} waits reason=\"{}\"", before.id,
                 to_string(before.phase), problem);
  }
}

bool Agent::keep(const InstanceRecord& before, const AppCredentials& credentials) {
  const auto done = store_.change([&](store::Transaction& change) -> Result<void> {
    const auto view = change.view();
    const auto* stored = view.find(records_.instances, before.id);
    if (stored == nullptr || stored->value.phase != before.phase) return {};
    auto record = stored->value;
    record.client_id = credentials.client_id;
    record.client_secret = credentials.client_secret;
    change.put(records_.instances, before.id, std::move(record));
    return {};
  });
  if (!done) {
    spdlog::error("mepm cannot store app_instance_id={} reason=\"{}\"", before.id,
                  done.error().message);
  }
  return done.has_value();
}

milliseconds Agent::waited(const InstanceRecord& record) {
  const std::lock_guard lock(waits_mutex_);
  auto& wait = waits_[record.id];
  if (wait.since_ms != record.since_ms) wait = {record.since_ms, clock_.now()};
  return std::chrono::duration_cast<milliseconds>(clock_.now() - wait.begun);
}

}  // namespace sluice::mepm
