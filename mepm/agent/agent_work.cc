// What each phase of an instance's life asks for, done once.
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
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
    case Phase::kRestarting:
      return start_up(record, package, plan);
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
  std::unique_lock lock(loading_, std::defer_lock);
  const auto path = files_.path(package.id, package.attempt);
  const auto scratch = files_.scratch_path(package.id, package.attempt);
  for (const auto& image : package.images) {
    auto there = vim_.has_image(image.key);
    if (there && !*there && !lock) {
      // Who waits for an image of many gigabytes keeps no thread from the other apps.
      if (!lock.try_lock()) return {.kind = Outcome::Kind::kWait, .delay = options_.poll_period};
      there = vim_.has_image(image.key);  // which may have been the same one
    }
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

Agent::Outcome Agent::confirm(const InstanceRecord& record) {
  const auto done = platform_.confirm_ready(record.id, {record.client_id, record.client_secret});
  if (done || done.error().code != ErrorCode::kUnauthenticated) return Outcome::of(done);
  // It has lost what it knew, or was provisioned by another process that could not write it down.
  return {.kind = Outcome::Kind::kLost,
          .problem = "the platform does not know the client of the instance",
          .credentials = AppCredentials{}};
}

Agent::Outcome Agent::make_anew(const InstanceRecord& record, const PackageRecord& package,
                                const AppPlan& plan) {
  if (auto ok = load(package); ok.kind != Outcome::Kind::kDone) return ok;
  if (auto ok = vim_.put_secret(record.id, record.client_secret); !ok) return Outcome::of(ok);
  return Outcome::of(vim_.create(plan.workload));
}

Agent::Outcome Agent::start_up(const InstanceRecord& record, const PackageRecord& package,
                               const AppPlan& plan) {
  const auto time = waited(record);
  const auto status = vim_.status(plan.workload);
  if (!status) return Outcome::of(std::unexpected(status.error()));
  if (status->state != RunState::kRunning) {
    // An app that ends again and again is brought back with pauses that grow.
    if (record.phase == Phase::kRestarting) {
      return {.kind = Outcome::Kind::kLost, .problem = status->reason};
    }
    if (status->state == RunState::kAbsent) {  // somebody has tidied up
      if (auto ok = make_anew(record, package, plan); ok.kind != Outcome::Kind::kDone) return ok;
    }
    if (auto ok = vim_.start(plan.workload); !ok) return Outcome::of(ok);
  }
  if (auto ok = probe(plan); !ok) {
    if (time <= options_.start_timeout) {
      return {.kind = Outcome::Kind::kWait, .delay = options_.poll_period};
    }
    return {
        .kind = record.phase == Phase::kRestarting ? Outcome::Kind::kLost : Outcome::Kind::kFailed,
        .problem = ok.error().message};
  }
  if (!plan.ready_by_manager) return {};
  auto out = confirm(record);
  // An app that ran runs also where the platform is away; watch() confirms when it is back.
  if (record.phase == Phase::kRestarting && out.kind == Outcome::Kind::kAway) return {};
  return out;
}

Agent::Outcome Agent::watch(const InstanceRecord& record, const AppPlan& plan) {
  const auto wait = Outcome{.kind = Outcome::Kind::kWait, .delay = options_.watch_period};
  const auto status = vim_.status(plan.workload);
  if (!status) {
    note(record, record.attempts, status.error().to_string());
    return wait;
  }
  if (status->state != RunState::kRunning || status->fingerprint != plan.workload.fingerprint()) {
    const auto why = status->reason.empty() ? std::string("another spec runs") : status->reason;
    return {.kind = Outcome::Kind::kLost, .problem = why};
  }
  if (auto ok = probe(plan); !ok) {
    // Once may be chance.
    if (record.attempts + 1 >= 3)
      return {.kind = Outcome::Kind::kLost, .problem = ok.error().message};
    note(record, record.attempts + 1, ok.error().message);
    return wait;
  }
  note(record, 0, "");
  const auto known = platform_.state(record.id);
  if (known && !known->has_value()) {
    return {.kind = Outcome::Kind::kLost, .problem = "the platform does not know the instance"};
  }
  if (known && plan.ready_by_manager && **known != "READY") {
    if (auto done = confirm(record); done.kind == Outcome::Kind::kLost) return done;
  }
  return wait;
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
  // Credentials go and come in steps of their own: whenever this ends, none are stored that the
  // platform has replaced.
  if (record.client_id.empty()) {
    auto out = provision(record, plan);
    if (out.kind == Outcome::Kind::kDone) out.kind = Outcome::Kind::kWait;
    return out;
  }
  if (const auto known = platform_.state(record.id); known && !known->has_value()) {
    return {.kind = Outcome::Kind::kWait, .credentials = AppCredentials{}};
  }
  const auto status = vim_.status(plan.workload);
  if (!status) return Outcome::of(std::unexpected(status.error()));
  if (status->state == RunState::kRunning) {  // and yet it was lost: it is not well
    if (auto ok = vim_.stop(plan.workload, std::chrono::seconds(2)); !ok) return Outcome::of(ok);
  }
  if (auto ok = make_anew(record, package, plan); ok.kind != Outcome::Kind::kDone) return ok;
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
