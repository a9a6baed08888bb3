#include "mep/registry/liveness.h"

#include "base/log.h"

namespace sluice::mep::registry {
namespace {

constexpr std::chrono::seconds kLongestWait{1};  // services come while nobody looks

bool is_watched(const ServiceRecord& record) {
  return record.beats() && record.state() == ServiceState::kActive;
}

}  // namespace

Liveness::Time Liveness::deadline(const Beat& beat, const ServiceRecord& record) const {
  const std::chrono::milliseconds interval(int64_t{*record.info.liveness_interval_s} * 1000);
  return beat.at + interval + interval * registry_.liveness().grace_percent / 100;
}

bool Liveness::beat(const std::string& id) {
  const std::lock_guard lock(memory_->mutex);
  auto& beat = memory_->beats[id];
  beat.at = clock_.now();
  beat.wall = clock_.wall();
  return std::exchange(beat.suspending, false);
}

std::optional<std::chrono::system_clock::time_point> Liveness::last_beat(
    const std::string& id) const {
  const std::lock_guard lock(memory_->mutex);
  const auto found = memory_->beats.find(id);
  if (found == memory_->beats.end()) return std::nullopt;
  return found->second.wall;
}

Liveness::Time Liveness::check() {
  const auto state = store_.snapshot();
  const auto now = clock_.now();
  auto next = now + kLongestWait;
  std::vector<std::string> overdue;
  {
    const std::lock_guard lock(memory_->mutex);
    ++memory_->round;
    for (const auto& [id, stored] : state.of(registry_.records().services)) {
      const auto& record = stored.value;
      if (!record.beats()) continue;
      const auto [found, is_new] = memory_->beats.try_emplace(id, Beat{now, {}, false, 0});
      auto& beat = found->second;
      if (is_new)
        beat.wall =
            std::chrono::system_clock::time_point(std::chrono::milliseconds(record.beat_ms));
      beat.round = memory_->round;
      if (!is_watched(record) || beat.suspending) continue;
      const auto due = deadline(beat, record);
      if (due <= now) {
        overdue.push_back(id);
      } else {
        next = std::min(next, due);
      }
    }
    std::erase_if(memory_->beats,
                  [&](const auto& entry) { return entry.second.round != memory_->round; });
  }
  if (!overdue.empty()) suspend(overdue);
  return next;
}

void Liveness::suspend(const std::vector<std::string>& ids) {
  store_.submit([&](store::Transaction& change) { return suspend_overdue(change, ids); },
                [memory = memory_, ids](const Result<void>& done) {
                  if (!done) {
                    spdlog::error("registry cannot suspend services count={} reason=\"{}\"",
                                  ids.size(), done.error().to_string());
                  }
                  const std::lock_guard lock(memory->mutex);
                  for (const auto& id : ids) {
                    const auto found = memory->beats.find(id);
                    if (found != memory->beats.end()) found->second.suspending = false;
                  }
                });
}

// Those of them that are overdue still.
Result<void> Liveness::suspend_overdue(store::Transaction& change,
                                       const std::vector<std::string>& ids) {
  std::vector<std::pair<std::string, ServiceRecord>> records;
  {
    const std::lock_guard lock(memory_->mutex);
    const auto now = clock_.now();
    for (const auto& id : ids) {
      const auto* stored = change.view().find(registry_.records().services, id);
      const auto found = memory_->beats.find(id);
      if (stored == nullptr || found == memory_->beats.end() || !is_watched(stored->value))
        continue;
      if (deadline(found->second, stored->value) > now) continue;
      found->second.suspending = true;
      auto record = stored->value;
      record.suspended = true;
      record.beat_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                           found->second.wall.time_since_epoch())
                           .count();
      records.emplace_back(id, std::move(record));
    }
  }
  for (const auto& [id, record] : records) {
    spdlog::info("registry service suspended service_id={} app_instance_id={}", id, record.owner);
  }
  registry_.update(change, std::move(records));
  return {};
}

}  // namespace sluice::mep::registry
