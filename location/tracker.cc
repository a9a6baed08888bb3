#include "location/tracker.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::location {

using feeds::Change;
using feeds::RanState;
using nlohmann::json;

json told_to_json(const Told& told) { return {{"version", told.version}, {"count", told.count}}; }

Result<Told> told_from_json(const json& value) {
  try {
    return Told{value.at("version").get<uint64_t>(), value.at("count").get<uint64_t>()};
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored count cannot be read: {}", e.what());
  }
}

namespace {

constexpr size_t kMostUnfinished = 16;  // changes of the store

template <typename T>
void drop(std::vector<T*>& from, const T* what) {
  std::erase(from, what);
}

}  // namespace

void Tracker::before_reports(const RanState& state) { catch_up(state); }

void Tracker::changed(const RanState& state, const Change& change) {
  if (change.kind == Change::Kind::kCell) return operation_event(state, change);
  const bool moved = change.was != change.is || change.was_zone != change.is_zone;
  // Who is not heard of any more has left nothing, but is counted nowhere.
  if (change.forgotten) {
    zone_numbers(state, change, change.was_zone, change.was, !change.was_zone.empty(), false);
  } else if (moved) {
    zone_events(state, change);
  }
  const auto found = users_.find(*state.user(change.user).address);
  if (found == users_.end()) return;
  auto& user = found->second;
  if (moved && !change.forgotten) user_events(state, change, user);
  if (!change.located) return;
  area_events(state, change, user);
  for (auto* watch : user.distances) distance_event(state, change, *watch);
}

void Tracker::after_reports() { flush(); }

void Tracker::tick() {
  site_.feed.between_reports([this](const RanState& state) {
    catch_up(state);
    report_periodically(state);
    flush();
  });
}

// Takes in what changed among the subscriptions since it was called last.
void Tracker::catch_up(const RanState& state) {
  const auto snapshot = site_.store.snapshot();
  const auto& rows = snapshot.of(site_.outbox.records().subscriptions);
  decltype(seen_)::for_each_difference(
      seen_, rows, [&](const std::string& key, const auto*, const auto* is) {
        if (is == nullptr) {
          remove(key);
        } else if (std::ranges::find(kApis, is->value.api) != std::end(kApis)) {
          put(state, key, is->value);
        }
      });
  seen_ = rows;
  if (!loaded_) forget_counts(snapshot);
  loaded_ = true;
}

void Tracker::put(const RanState& state, const std::string& key,
                  const notify::Subscription& subscription) {
  auto& watch = watches_[key];
  if (watch && watch->version == subscription.version) return;  // nothing that matters here
  if (watch) leave(*watch);
  auto filter = read_filter(subscription.type, subscription.body);
  if (!filter) {  // it was checked when it was made
    spdlog::error("location subscription ignored id={} reason=\"{}\"", subscription.id,
                  filter.error().to_string());
    watches_.erase(key);
    return;
  }
  watch = std::make_unique<Watch>(
      Watch{++last_number_, subscription.id, subscription.version, std::move(*filter), 0, {}, {}});
  if (!loaded_) {  // it went on while this program did not run
    const auto snapshot = site_.store.snapshot();
    const auto* told = snapshot.find(site_.records.told, subscription.id);
    if (told != nullptr && told->value.version == watch->version) watch->told = told->value.count;
  }
  enter(state, *watch);
}

void Tracker::remove(const std::string& key) {
  const auto found = watches_.find(key);
  if (found == watches_.end()) return;
  leave(*found->second);
  uncounted_.push_back(found->second->id);
  counted_.erase(found->second->id);
  watches_.erase(found);
}

void Tracker::enter(const RanState& state, Watch& watch) {
  if (auto* event = std::get_if<UserEventFilter>(&watch.filter)) {
    users_[event->user].events.push_back(&watch);
  } else if (auto* periodic = std::get_if<PeriodicFilter>(&watch.filter)) {
    watch.due = site_.clock.now() + periodic->pace.apart;
    periodic_.emplace(watch.number, &watch);
  } else if (auto* zone = std::get_if<ZoneEventFilter>(&watch.filter)) {
    zones_[zone->zone].events.push_back(&watch);
  } else if (auto* status = std::get_if<ZoneStatusFilter>(&watch.filter)) {
    zones_[status->zone].states.push_back(&watch);
  } else if (auto* area = std::get_if<AreaFilter>(&watch.filter)) {
    for (const auto& name : area->users) {
      auto& user = users_[name];
      user.areas.add(watch.number, area->area);
      user.by_area.emplace(watch.number, &watch);
      const auto* fix = known_fix(state, name, area->accuracy_m);
      if (fix != nullptr && area->area.contains(fix->at)) user.inside.insert(watch.number);
    }
  } else if (auto* distance = std::get_if<DistanceFilter>(&watch.filter)) {
    Names names(distance->monitored.begin(), distance->monitored.end());
    names.insert(distance->references.begin(), distance->references.end());
    for (const auto& name : names) users_[name].distances.push_back(&watch);
    watch.distances.emplace(*distance).look(
        [&](const std::string& name) { return known_fix(state, name, distance->accuracy_m); });
    if (distance->immediately && watch.told == 0 && watch.distances->hold())
      tell_of_distances(state, site_.feed.now_ms(), watch);
  }
}

void Tracker::leave(const Watch& watch) {
  const auto of_user = [&](const std::string& name, auto edit) {
    const auto user = users_.find(name);
    edit(user->second);
    if (user->second.empty()) users_.erase(user);
  };
  const auto of_zone = [&](const std::string& name) {
    const auto zone = zones_.find(name);
    drop<Watch>(zone->second.events, &watch);
    drop<Watch>(zone->second.states, &watch);
    if (zone->second.empty()) zones_.erase(zone);
  };
  if (const auto* event = std::get_if<UserEventFilter>(&watch.filter)) {
    of_user(event->user, [&](UserWatches& user) { drop<Watch>(user.events, &watch); });
  } else if (std::holds_alternative<PeriodicFilter>(watch.filter)) {
    periodic_.erase(watch.number);
  } else if (const auto* zone = std::get_if<ZoneEventFilter>(&watch.filter)) {
    of_zone(zone->zone);
  } else if (const auto* status = std::get_if<ZoneStatusFilter>(&watch.filter)) {
    of_zone(status->zone);
  } else if (const auto* area = std::get_if<AreaFilter>(&watch.filter)) {
    for (const auto& name : area->users) {
      of_user(name, [&](UserWatches& user) {
        user.areas.remove(watch.number, area->area);
        user.by_area.erase(watch.number);
        user.inside.erase(watch.number);
      });
    }
  } else if (const auto* distance = std::get_if<DistanceFilter>(&watch.filter)) {
    Names names(distance->monitored.begin(), distance->monitored.end());
    names.insert(distance->references.begin(), distance->references.end());
    for (const auto& name : names) {
      of_user(name, [&](UserWatches& user) { drop<Watch>(user.distances, &watch); });
    }
  }
}

// Counts of subscriptions that ended while nobody looked.
void Tracker::forget_counts(const store::Snapshot& state) {
  std::set<std::string_view> known;
  for (const auto& [key, watch] : watches_) known.insert(watch->id);
  for (const auto& [id, told] : state.of(site_.records.told)) {
    if (!known.contains(id)) uncounted_.push_back(id);
  }
}

// Counts it as told if it may be.
bool Tracker::may_tell(Watch& watch, const Pace& pace) {
  if (!pace.limited()) return true;
  if (pace.most > 0 && watch.told >= pace.most) return false;
  const auto now = site_.clock.now();
  // Those who are told periodically have their own time.
  const bool periodic = std::holds_alternative<PeriodicFilter>(watch.filter);
  if (!periodic && watch.last && now - *watch.last < pace.apart) return false;
  watch.last = now;
  ++watch.told;
  if (pace.most > 0) counted_[watch.id] = {watch.version, watch.told};
  return true;
}

void Tracker::tell(const char* envelope, json body, std::vector<std::string> to) {
  if (to.empty()) return;
  if (pending_.size() >= site_.waiting) {
    dropped_ += to.size();
    return;
  }
  pending_.push_back({std::move(body), envelope, std::move(to)});
}

void Tracker::flush() {
  if (pending_.empty() && uncounted_.empty()) return;
  // The feed does not wait for a slow disk; what it causes does, in one change when there is room.
  if (*unfinished_ >= kMostUnfinished) return;
  ++*unfinished_;
  site_.store.submit(
      [this](store::Transaction& change) -> Result<void> {
        for (auto& [body, envelope, to] : pending_) {
          site_.outbox.enqueue(change, body, std::move(to), envelope);
        }
        for (const auto& [id, told] : counted_) change.put(site_.records.told, id, told);
        for (const auto& id : uncounted_) change.erase(site_.records.told, id);
        return {};
      },
      [unfinished = unfinished_](const Result<void>& done) {
        --*unfinished;
        if (!done)
          spdlog::error("location notifications lost reason=\"{}\"", done.error().to_string());
      });
  pending_.clear();
  counted_.clear();
  uncounted_.clear();
}

}  // namespace sluice::location
