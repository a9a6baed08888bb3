// What a report means to those who watch: the notifications of MEC 013 §6.4.
#include <algorithm>

#include "location/tracker.h"

namespace sluice::location {

using feeds::Change;
using feeds::RanState;
using nlohmann::json;

namespace {

const char* word(bool entering) { return entering ? "ENTERING_AREA_EVENT" : "LEAVING_AREA_EVENT"; }

bool takes(const Crossings& crossings, bool entering) {
  return entering ? crossings.entering : crossings.leaving;
}

}  // namespace

void Tracker::zone_events(const RanState& state, const Change& change) {
  const bool other_zone = change.was_zone != change.is_zone;
  if (other_zone) {
    zone_event(change.was_zone, state, change, false);
    zone_event(change.is_zone, state, change, true);
  }
  zone_numbers(state, change, change.was_zone, change.was, other_zone, false);
  zone_numbers(state, change, change.is_zone, change.is, other_zone, true);
}

void Tracker::zone_event(std::string_view zone, const RanState& state, const Change& change,
                         bool entering) {
  const auto found = zones_.find(std::string(zone));
  if (found == zones_.end()) return;
  const auto& address = *state.user(change.user).address;
  std::vector<std::string> to;
  for (auto* watch : found->second.events) {
    const auto& filter = std::get<ZoneEventFilter>(watch->filter);
    if (!takes(filter.crossings, entering)) continue;
    if (!filter.users.empty() && !filter.users.contains(address)) continue;
    if (may_tell(*watch, filter.pace)) to.push_back(watch->id);
  }
  if (to.empty()) return;
  tell("zoneLocationEventNotification",
       {{"notificationType", "ZoneLocationEventNotification"},
        {"timeStamp", time_stamp_ms(change.time_ms)},
        {"address", address},
        {"userLocationEvent", word(entering)},
        {"zoneId", zone}},
       std::move(to));
}

void Tracker::user_events(const RanState& state, const Change& change, UserWatches& user) {
  const auto& who = state.user(change.user);
  const auto cell_name = [&](feeds::CellId id) {
    return id == feeds::kNoCell ? std::string_view() : std::string_view(state.cell(id).id);
  };
  for (auto* watch : user.events) {
    const auto& filter = std::get<UserEventFilter>(watch->filter);
    const auto tell_one = [&](feeds::CellId cell, std::string_view zone, bool entering) {
      if (!takes(filter.crossings, entering) || !may_tell(*watch, filter.pace)) return;
      json body = {{"notificationType", "UserLocationEventNotification"},
                   {"timeStamp", time_stamp_ms(change.time_ms)},
                   {"address", *who.address},
                   {"userLocationEvent", word(entering)},
                   {"zoneId", zone},
                   {"accessPointId", cell_name(cell)}};
      // One of before would look as if it were of the time stamp.
      const bool fresh = change.located && who.fix_time_ms != 0;
      if (filter.with_location && fresh) body["locationInfo"] = location_info(who.fix);
      tell("userLocationEventNotification", std::move(body), {watch->id});
    };
    const auto within = [&](feeds::CellId cell, std::string_view zone) {
      if (cell == feeds::kNoCell) return false;
      if (!filter.access_points.empty()) return filter.access_points.contains(cell_name(cell));
      return filter.zone.empty() || filter.zone == zone;
    };
    const bool was = within(change.was, change.was_zone);
    const bool is = within(change.is, change.is_zone);
    // Who watches no part of the network is told of every zone.
    const bool any = filter.zone.empty() && filter.access_points.empty();
    const bool crossed = any ? change.was_zone != change.is_zone : was != is;
    if (!crossed) continue;
    if (was) tell_one(change.was, change.was_zone, false);
    if (is) tell_one(change.is, change.is_zone, true);
  }
}

void Tracker::area_events(const RanState& state, const Change& change, UserWatches& user) {
  if (user.by_area.empty()) return;
  const auto& who = state.user(change.user);
  if (who.fix_time_ms == 0) return user.inside.clear();  // detached: nobody knows where the user is
  const auto certain = [&](uint64_t number) {
    return who.fix.uncertainty_m.value_or(0) <=
           std::get<AreaFilter>(user.by_area.at(number)->filter).accuracy_m;
  };
  auto now = user.areas.find(who.fix.at);
  std::ranges::sort(now);
  for (auto it = user.inside.begin(); it != user.inside.end();) {
    const auto number = *it;
    if (std::ranges::binary_search(now, number) || !certain(number)) {
      ++it;
      continue;
    }
    it = user.inside.erase(it);
    area_event(state, change, *user.by_area.at(number), false);
  }
  for (const auto number : now) {
    if (user.inside.contains(number) || !certain(number)) continue;
    user.inside.insert(number);
    area_event(state, change, *user.by_area.at(number), true);
  }
}

void Tracker::area_event(const RanState& state, const Change& change, Watch& watch, bool entering) {
  const auto& filter = std::get<AreaFilter>(watch.filter);
  if (!takes(filter.crossings, entering) || !may_tell(watch, filter.pace)) return;
  const auto& who = state.user(change.user);
  json body = {{"notificationType", "UserAreaNotification"},
               {"timeStamp", time_stamp_ms(change.time_ms)},
               {"address", *who.address},
               {"userLocationEvent", word(entering)}};
  if (filter.with_location) body["locationInfo"] = location_info(who.fix);
  tell("userAreaNotification", std::move(body), {watch.id});
}

// A user has come to, or gone from, this access point, and maybe this zone.
void Tracker::zone_numbers(const RanState& state, const Change& change, std::string_view zone,
                           feeds::CellId cell, bool zone_changed, bool entering) {
  const auto found = zones_.find(std::string(zone));
  if (found == zones_.end()) return;
  const auto known = state.zones().find(zone);
  const uint64_t in_zone = known == state.zones().end() ? 0 : known->second.users;
  const uint64_t in_cell = state.cell(cell).users.size();
  const bool cell_changed = change.was != change.is;
  // The number has just become more, or less, by one.
  const auto crossed = [&](const std::optional<uint64_t>& upper,
                           const std::optional<uint64_t>& lower, uint64_t number) {
    return entering ? upper && number == *upper + 1 : lower && number + 1 == *lower;
  };
  for (auto* watch : found->second.states) {
    const auto& filter = std::get<ZoneStatusFilter>(watch->filter);
    const auto tell_one = [&](int event, const std::string& cell_name) {
      if (!may_tell(*watch, filter.pace)) return;
      json body = {{"notificationType", "ZoneStatusNotification"},
                   {"timeStamp", time_stamp_ms(change.time_ms)},
                   {"zoneId", zone},
                   {"userNumEvent", event}};
      if (!cell_name.empty()) body["accessPointId"] = cell_name;
      tell("zoneStatusNotification", std::move(body), {watch->id});
    };
    if (zone_changed && crossed(filter.zone_upper, filter.zone_lower, in_zone))
      tell_one(entering ? 1 : 2, {});
    if (cell_changed && crossed(filter.cell_upper, filter.cell_lower, in_cell))
      tell_one(entering ? 3 : 4, state.cell(cell).id);
  }
}

void Tracker::operation_event(const RanState& state, const Change& change) {
  const auto& cell = state.cell(change.was);
  if (change.was_operation == cell.operation) return;
  const auto found = zones_.find(cell.zone);
  if (found == zones_.end()) return;
  std::vector<std::string> to;
  for (auto* watch : found->second.states) {
    const auto& filter = std::get<ZoneStatusFilter>(watch->filter);
    const bool wanted =
        std::ranges::find(filter.operations, cell.operation) != filter.operations.end();
    if (wanted && may_tell(*watch, filter.pace)) to.push_back(watch->id);
  }
  tell("zoneStatusNotification",
       {{"notificationType", "ZoneStatusNotification"},
        {"timeStamp", time_stamp_ms(change.time_ms)},
        {"zoneId", cell.zone},
        {"accessPointId", cell.id},
        {"operationStatus", to_word(cell.operation)}},
       std::move(to));
}

const feeds::Fix* Tracker::known_fix(const RanState& state, const std::string& name,
                                     double accuracy_m) const {
  const auto* user = state.find_user(name);
  if (user == nullptr || user->fix_time_ms == 0 || site_.feed.is_stale(user->fix_time_ms))
    return nullptr;
  return user->fix.uncertainty_m.value_or(0) <= accuracy_m ? &user->fix : nullptr;
}

void Tracker::distance_event(const RanState& state, const Change& change, Watch& watch) {
  const auto& filter = std::get<DistanceFilter>(watch.filter);
  if (filter.pace.most > 0 && watch.told >= filter.pace.most) return;  // nothing more to tell
  const bool begins = watch.distances->begin_to_hold(
      *state.user(change.user).address,
      [&](const std::string& name) { return known_fix(state, name, filter.accuracy_m); });
  if (begins) tell_of_distances(state, change.time_ms, watch);
}

void Tracker::tell_of_distances(const RanState& state, int64_t time_ms, Watch& watch) {
  const auto& filter = std::get<DistanceFilter>(watch.filter);
  if (!may_tell(watch, filter.pace)) return;
  auto users = json::array();
  for (const auto& name : filter.monitored) {
    const auto* user = state.find_user(name);
    if (user != nullptr) users.push_back(site_.answers.user_info(state, *user));
  }
  tell("userDistanceNotification",
       {{"notificationType", "UserDistanceNotification"},
        {"timeStamp", time_stamp_ms(time_ms)},
        {"distanceEvent", filter.criteria},
        {"monitoredUsers",
         {{"resourceURL", site_.answers.base() + "/queries/users"}, {"user", std::move(users)}}}},
       {watch.id});
}

void Tracker::report_periodically(const RanState& state) {
  const auto now = site_.clock.now();
  for (auto& [number, watch] : periodic_) {
    if (now < watch->due) continue;
    const auto& filter = std::get<PeriodicFilter>(watch->filter);
    // One that was late is not made up for.
    const auto next = watch->due + filter.pace.apart;
    watch->due = next <= now ? now + filter.pace.apart : next;
    if (!may_tell(*watch, filter.pace)) continue;
    const auto* user = state.find_user(filter.user);
    const auto* fix = user == nullptr ? nullptr : site_.answers.current_fix(*user);
    const bool found = fix != nullptr && !site_.feed.is_stale(user->fix_time_ms);
    json body = {{"notificationType", "UserLocationPeriodicNotification"},
                 {"timeStamp", time_stamp_ms(found ? user->fix_time_ms : site_.feed.now_ms())},
                 {"address", filter.user},
                 {"result", found ? "SUCCESS" : "ABNORMAL"}};
    if (found) body["locationInfo"] = location_info(*fix);
    if (user != nullptr && user->cell != feeds::kNoCell &&
        !site_.feed.is_stale(user->cell_time_ms)) {
      body["accessPointId"] = state.cell(user->cell).id;
      body["zoneId"] = state.cell(user->cell).zone;
    }
    if (watch->told >= filter.pace.most) body["isFinalNotification"] = true;
    tell("userLocationPeriodicNotification", std::move(body), {watch->id});
  }
}

}  // namespace sluice::location
