#include "mepm/agent/agent.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/uuid.h"
#include "mepm/agent/outcome.h"

namespace sluice::mepm {

using std::chrono::milliseconds;

Agent::Agent(EventLoop& loop, const Clock& clock, store::Store& store, const AgentRecords& records,
             const app_package::ContentFiles& files, Vim& vim, Platform& platform,
             AgentOptions options)
    : loop_(loop),
      clock_(clock),
      store_(store),
      records_(records),
      files_(files),
      vim_(vim),
      platform_(platform),
      options_(std::move(options)),
      queue_(options_.threads) {}

Agent::~Agent() { stop(); }

void Agent::stop() {
  if (stopped_.exchange(true)) return;
  queue_.stop();
  for (const auto& [id, slot] : slots_) {
    if (slot.timer) loop_.cancel(*slot.timer);
  }
}

void Agent::start() {
  const auto state = store_.snapshot();
  for (const auto& [id, stored] : state.of(records_.instances)) schedule(id, milliseconds(0));
  queue_.post([this] { sweep(0); });
}

int64_t Agent::now_ms() const {
  return std::chrono::duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count();
}

milliseconds Agent::pause(uint32_t attempts) const {
  const auto doubled = options_.first_pause * (int64_t{1} << std::min(attempts, 16U));
  return std::min<milliseconds>(doubled, options_.longest_pause);
}

void Agent::reached(Phase phase, const char* point) const {
  if (options_.on_step) options_.on_step(fmt::format("{} {}", to_string(phase), point));
}

// -- when ---------------------------------------------------------------------------------------

void Agent::wake(const std::string& id) {
  loop_.post([this, id, alive = std::weak_ptr(alive_)] {
    if (alive.lock() && !stopped_) schedule(id, milliseconds(0));
  });
}

void Agent::schedule(const std::string& id, milliseconds delay) {
  auto& slot = slots_[id];
  if (slot.timer) loop_.cancel(*slot.timer);
  slot.timer.reset();
  if (slot.busy) {
    slot.again = true;
  } else if (delay == milliseconds(0)) {
    run(id);
  } else {
    slot.timer = loop_.after(delay, [this, id] { run(id); });
  }
}

void Agent::run(const std::string& id) {
  auto& slot = slots_[id];
  slot.timer.reset();
  slot.busy = true;
  queue_.post([this, id, alive = std::weak_ptr(alive_)] {
    const auto delay = step(id);
    loop_.post([this, id, delay, alive] {
      if (alive.lock() && !stopped_) finished(id, delay);
    });
  });
}

void Agent::finished(const std::string& id, std::optional<milliseconds> delay) {
  auto& slot = slots_[id];
  slot.busy = false;
  if (std::exchange(slot.again, false)) return schedule(id, milliseconds(0));
  if (delay) return schedule(id, *delay);
  slots_.erase(id);
}

// -- what is asked for ----------------------------------------------------------------------------

void Agent::open_operation(store::Transaction& change, InstanceRecord& record,
                           const char* operation) const {
  OperationRecord made{.id = new_uuid(),
                       .instance = record.id,
                       .operation = operation,
                       .state = "PROCESSING",
                       .revision = record.revision,
                       .started_ms = now_ms(),
                       .changed_ms = now_ms(),
                       .detail = {}};
  record.operation = made.id;
  change.put(records_.operations, made.id, made);
  const auto view = change.view();
  const auto& all = view.of(records_.operations);
  if (all.size() <= options_.operations_kept) return;
  const store::Stored<OperationRecord>* oldest = nullptr;
  for (const auto& [id, stored] : all) {
    if (stored.value.state == "PROCESSING") continue;
    if (oldest == nullptr || stored.value.changed_ms < oldest->value.changed_ms) oldest = &stored;
  }
  if (oldest != nullptr) change.erase(records_.operations, oldest->value.id);
}

void Agent::close_operation(store::Transaction& change, InstanceRecord& record, const char* state,
                            const std::string& detail) const {
  if (record.operation.empty()) return;
  const auto view = change.view();
  if (const auto* stored = view.find(records_.operations, record.operation)) {
    auto operation = stored->value;
    operation.state = state;
    operation.changed_ms = now_ms();
    operation.detail = detail;
    change.put(records_.operations, operation.id, operation);
  }
  record.operation.clear();
}

Result<void> Agent::desire(store::Transaction& change, const InstanceRequest& request) const {
  const auto view = change.view();
  const auto* package = view.find(records_.packages, request.package);
  const auto* stored = view.find(records_.instances, request.id);
  auto record = stored != nullptr ? stored->value : InstanceRecord{.id = request.id};
  auto graceful_timeout_s = request.graceful_timeout_s.value_or(record.graceful_timeout_s);
  if (package != nullptr && !request.graceful_timeout_s) {
    const bool stop = request.desired == Desired::kStopped;
    const auto config = package->value.appd.value(
        stop ? "changeAppInstanceStateOpConfig" : "terminateAppInstanceOpConfig",
        nlohmann::json::object());
    graceful_timeout_s = static_cast<uint32_t>(
        config.value(stop ? "minGracefulStopTimeout" : "minGracefulTerminationTimeout", 0.0));
  }
  if (stored != nullptr) {
    const bool same = record.desired == request.desired && record.package == request.package &&
                      record.graceful_timeout_s == graceful_timeout_s;
    if (request.revision == record.revision && same) return {};
    if (request.revision <= record.revision) {
      return fail(ErrorCode::kConflict, "revision {} of what is desired is known; {} is not newer",
                  record.revision, request.revision);
    }
    if (record.package != request.package && record.phase != Phase::kNone) {
      return fail(ErrorCode::kConflict, "the instance runs package {}; terminate it first",
                  record.package);
    }
  }
  if (package == nullptr && request.desired != Desired::kNotInstantiated) {
    return fail(ErrorCode::kNotFound, "there is no package '{}'", request.package);
  }
  if (package != nullptr) {
    const auto& appd = package->value.appd;
    if (auto ok = check_plan(appd); !ok) return ok;
    record.name = appd.value("appName", std::string());
  }
  record.graceful_timeout_s = graceful_timeout_s;
  record.package = request.package;
  record.desired = request.desired;
  record.revision = request.revision;
  record.failed = false;
  record.attempts = 0;
  close_operation(change, record, "FAILED",
                  fmt::format("revision {} asks for something else", request.revision));
  const bool there = is_settled(record.phase) && !towards(record.phase, record.desired);
  if (!there) {
    open_operation(change, record,
                   record.desired == Desired::kNotInstantiated ? "TERMINATE"
                   : record.phase == Phase::kNone              ? "INSTANTIATE"
                                                               : "OPERATE");
  }
  change.put(records_.instances, record.id, record);
  return {};
}

Result<void> Agent::forget(store::Transaction& change, const std::string& id) const {
  const auto view = change.view();
  const auto* stored = view.find(records_.instances, id);
  if (stored == nullptr) return fail(ErrorCode::kNotFound, "there is no app instance '{}'", id);
  const auto& record = stored->value;
  if (record.phase != Phase::kNone || !record.operation.empty()) {
    return fail(ErrorCode::kConflict, "the instance is {}: terminate it first",
                to_string(record.phase));
  }
  change.erase(records_.instances, id);
  return {};
}

// -- what nobody owns -----------------------------------------------------------------------------

void Agent::sweep(uint32_t attempt) {
  Result<void> done;
  try {
    done = remove_orphans();
  } catch (const std::exception& e) {  // as in step()
    done = fail(ErrorCode::kUnavailable, "{}", e.what());
  }
  if (done || stopped_) return;
  if (attempt == 0)
    spdlog::warn("mepm cannot look for leftovers reason=\"{}\"", done.error().message);
  loop_.post([this, attempt, alive = std::weak_ptr(alive_)] {
    if (!alive.lock() || stopped_) return;
    loop_.after(pause(attempt), [this, attempt, alive] {
      if (alive.lock() && !stopped_) queue_.post([this, attempt] { sweep(attempt + 1); });
    });
  });
}

// Of instances that are not there, or nowhere in their lives; images of no package.
Result<void> Agent::remove_orphans() {
  const auto there = vim_.list();
  if (!there) return std::unexpected(there.error());
  for (const auto& id : *there) {
    const auto state = store_.snapshot();
    const auto* stored = state.find(records_.instances, id);
    if (stored != nullptr && stored->value.phase != Phase::kNone) continue;
    if (auto ok = vim_.remove(id); !ok) return ok;
    spdlog::info("mepm removed what was left app_instance_id={}", id);
  }
  const std::unique_lock lock(loading_, std::try_to_lock);
  if (!lock) return fail(ErrorCode::kUnavailable, "an image is being loaded");
  const auto images = vim_.images();
  if (!images) return std::unexpected(images.error());
  const auto state = store_.snapshot();
  std::set<std::string> used;
  for (const auto& [id, stored] : state.of(records_.packages)) {
    for (const auto& image : stored.value.images) used.insert(image.key);
  }
  for (const auto& key : *images) {
    if (used.contains(key)) continue;
    if (auto ok = vim_.remove_image(key); !ok) return ok;
  }
  return {};
}

}  // namespace sluice::mepm
