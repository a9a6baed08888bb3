// One step of an instance's life: what its phase asks for, and what is written down of it.
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "mepm/agent/agent.h"
#include "mepm/agent/outcome.h"

namespace sluice::mepm {
namespace {

// The package was checked when it came; what is run is what was checked.
Result<void> check_image(const std::string& key, const std::string& file) {
  const auto algorithm = key.size() == hex_size(HashAlgorithm::kSha512) ? HashAlgorithm::kSha512
                                                                        : HashAlgorithm::kSha256;
  const auto hash = digest_of_file(file, algorithm);
  if (!hash) return fail(ErrorCode::kUnavailable, "{}", hash.error().message);
  if (*hash == key) return {};
  return fail(ErrorCode::kInvalidArgument, "an image of the package is not what it was");
}

}  // namespace

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
  auto outcome = act(record, package != nullptr ? package->value : PackageRecord{});
  if (stopped_) return std::nullopt;
  reached(record.phase, "done");
  if (outcome.kind == Outcome::Kind::kWait) return outcome.delay;
  const bool can_fail = next_phase(record.phase, Event::kFailed).has_value();
  if (outcome.kind == Outcome::Kind::kLater && can_fail &&
      record.attempts + 1 >= options_.attempts) {
    outcome.kind = Outcome::Kind::kFailed;
  }
  if (outcome.kind == Outcome::Kind::kLater ||
      (outcome.kind == Outcome::Kind::kFailed && !can_fail)) {
    note_failure(record, outcome.problem);
    return pause(record.attempts);
  }
  const auto event = outcome.kind == Outcome::Kind::kDone     ? Event::kDone
                     : outcome.kind == Outcome::Kind::kFailed ? Event::kFailed
                                                              : Event::kLost;
  const bool stored_it = advance(record, event, outcome);
  reached(record.phase, "stored");
  return stored_it ? milliseconds(0) : options_.first_pause;
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
  return true;
}

void Agent::note_failure(const InstanceRecord& before, const std::string& problem) {
  (void)store_.change([&](store::Transaction& change) -> Result<void> {
    const auto view = change.view();
    const auto* stored = view.find(records_.instances, before.id);
    if (stored == nullptr || stored->value.phase != before.phase) return {};
    auto record = stored->value;
    ++record.attempts;
    record.problem = problem;
    change.put(records_.instances, before.id, std::move(record));
    return {};
  });
  if (before.problem != problem) {
    spdlog::warn("mepm app_instance_id={} phase={} waits reason=\"{}\"", before.id,
                 to_string(before.phase), problem);
  }
}

// -- what is done ---------------------------------------------------------------------------------

Agent::Outcome Agent::act(const InstanceRecord& record, const PackageRecord& package) {
  const auto plan = plan_of(package, record, options_.apps);
  switch (record.phase) {
    case Phase::kLoading:
      return load(package);
    case Phase::kProvisioning:
      return provision(record, plan);
    case Phase::kCreating:
      return Outcome::of(vim_.create(plan.workload));
    case Phase::kStarting:
    case Phase::kResuming:
      return start_up(record, plan);
    case Phase::kRunning:
      return watch(record, plan);
    case Phase::kRecovering:
      return recover(record, package, plan);
    case Phase::kStopping:
      return say_goodbye(record, "STOPPING", "STOPPED");
    case Phase::kHalting:
      return Outcome::of(vim_.stop(plan.workload, std::chrono::seconds(10)));
    case Phase::kEnding:
      return say_goodbye(record, "TERMINATING", "TERMINATED");
    case Phase::kRemoving:
      return Outcome::of(vim_.remove(record.id));
    case Phase::kWithdrawing:
      return Outcome::of(platform_.withdraw(record.id));
    case Phase::kNone:
    case Phase::kHalted:
      break;
  }
  return {};
}

Agent::Outcome Agent::load(const PackageRecord& package) {
  const std::lock_guard lock(loading_);
  const auto path = files_.path(package.id, package.attempt);
  const auto scratch = files_.scratch_path(package.id, package.attempt);
  for (const auto& image : package.images) {
    const auto there = vim_.has_image(image.key);
    if (!there) return Outcome::of(std::unexpected(there.error()));
    if (*there) continue;
    auto done =
        app_package::unpack_file(path, image.path, scratch, options_.reader.archive, stopped_);
    if (done) done = check_image(image.key, scratch);
    if (done) done = vim_.load_image(image.key, scratch);
    ::unlink(scratch.c_str());
    if (!done) return Outcome::of(done);
  }
  return {};
}

Agent::Outcome Agent::provision(const InstanceRecord& record, const AppPlan& plan) {
  const auto made = platform_.provision(record.id, plan.input, plan.services);
  if (!made) return Outcome::of(std::unexpected(made.error()));
  // Before it is written down: what finds it stored finds it with the VIM, too.
  auto out = Outcome::of(vim_.put_secret(record.id, made->client_secret));
  if (out.kind == Outcome::Kind::kDone) out.credentials = *made;
  return out;
}

Result<void> Agent::probe(const AppPlan& plan) {
  for (const auto& [container, how] : plan.probes) {
    if (auto ok = vim_.probe(plan.workload.id, container, how); !ok) {
      return fail(ErrorCode::kUnavailable, "container {} is not well: {}", container,
                  ok.error().message);
    }
  }
  return {};
}

Agent::Outcome Agent::start_up(const InstanceRecord& record, const AppPlan& plan) {
  const auto status = vim_.status(plan.workload);
  if (!status) return Outcome::of(std::unexpected(status.error()));
  if (status->state != RunState::kRunning) {
    if (auto ok = vim_.start(plan.workload); !ok) return Outcome::of(ok);
  }
  if (auto ok = probe(plan); !ok) {
    const auto late = milliseconds(now_ms() - record.since_ms) > options_.start_timeout;
    if (late) return {.kind = Outcome::Kind::kFailed, .problem = ok.error().message};
    return {.kind = Outcome::Kind::kWait, .delay = options_.poll_period};
  }
  if (plan.ready_by_manager) {
    return Outcome::of(
        platform_.confirm_ready(record.id, {record.client_id, record.client_secret}));
  }
  return {};
}

Agent::Outcome Agent::watch(const InstanceRecord& record, const AppPlan& plan) {
  const auto status = vim_.status(plan.workload);
  if (status &&
      (status->state != RunState::kRunning || status->fingerprint != plan.workload.fingerprint())) {
    const auto why = status->reason.empty() ? std::string("another spec runs") : status->reason;
    return {.kind = Outcome::Kind::kLost, .problem = why};
  }
  if (status) {
    if (auto ok = probe(plan); !ok) {
      // Once may be chance.
      if (record.attempts + 1 >= 3)
        return {.kind = Outcome::Kind::kLost, .problem = ok.error().message};
      note_failure(record, ok.error().message);
      return {.kind = Outcome::Kind::kWait, .delay = options_.watch_period};
    }
  }
  const auto known = platform_.state(record.id);
  if (known && !known->has_value()) {
    return {.kind = Outcome::Kind::kLost, .problem = "the platform does not know the instance"};
  }
  if (known && plan.ready_by_manager && **known != "READY") {
    (void)platform_.confirm_ready(record.id, {record.client_id, record.client_secret});
  }
  return {.kind = Outcome::Kind::kWait, .delay = options_.watch_period};
}

// The platform may be away: what it knew before still holds. An app that was restarted often waits.
Agent::Outcome Agent::recover(const InstanceRecord& record, const PackageRecord& package,
                              const AppPlan& plan) {
  const auto since = milliseconds(now_ms() - record.since_ms);
  const auto rest = record.restarts < 2
                        ? milliseconds(0)
                        : pause(static_cast<uint32_t>(std::min<uint64_t>(record.restarts - 2, 16)));
  if (since < rest && since >= milliseconds(0))
    return {.kind = Outcome::Kind::kWait, .delay = rest - since};
  const auto known = platform_.state(record.id);
  if (known && (!known->has_value() || record.client_id.empty())) {
    auto out = provision(record, plan);
    if (out.kind != Outcome::Kind::kDone) return out;
    auto renewed = record;
    renewed.client_id = out.credentials->client_id;
    const auto spec = plan_of(package, renewed, options_.apps).workload;
    if (auto ok = load(package); ok.kind != Outcome::Kind::kDone) return ok;
    if (auto ok = vim_.create(spec); !ok) return Outcome::of(ok);
    if (auto ok = vim_.start(spec); !ok) return Outcome::of(ok);
    return out;
  }
  const auto status = vim_.status(plan.workload);
  if (!status) return Outcome::of(std::unexpected(status.error()));
  if (status->state == RunState::kRunning) {  // and yet it was lost: it is not well
    if (auto ok = vim_.stop(plan.workload, std::chrono::seconds(2)); !ok) return Outcome::of(ok);
  }
  if (status->state == RunState::kAbsent) {
    if (auto ok = load(package); ok.kind != Outcome::Kind::kDone) return ok;
    if (auto ok = vim_.put_secret(record.id, record.client_secret); !ok) return Outcome::of(ok);
  }
  if (auto ok = vim_.create(plan.workload); !ok) return Outcome::of(ok);
  return Outcome::of(vim_.start(plan.workload));
}

// MEC 011 §5.2.3: the app is told and has time; nothing waits longer than that for an answer.
Agent::Outcome Agent::say_goodbye(const InstanceRecord& record, const std::string& action,
                                  const std::string& end) {
  const auto limit = std::chrono::seconds(record.graceful_timeout_s) + std::chrono::seconds(10);
  const auto since = milliseconds(now_ms() - record.since_ms);
  if (since > limit || since < milliseconds(0)) {
    return {.kind = Outcome::Kind::kFailed,
            .problem = "the platform does not say that the app has ended"};
  }
  const auto wait = Outcome{.kind = Outcome::Kind::kWait, .delay = options_.poll_period};
  const auto known = platform_.state(record.id);
  if (!known) return wait;
  if (!known->has_value() || **known == end || **known == "TERMINATED") return {};
  if (**known != action) (void)platform_.terminate(record.id, action, record.graceful_timeout_s);
  return wait;
}

}  // namespace sluice::mepm
