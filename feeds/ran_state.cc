#include "feeds/ran_state.h"

#include <algorithm>

namespace sluice::feeds {

int64_t User::newest_ms() const {
  int64_t out = std::max(cell_time_ms, fix_time_ms);
  if (!radio) return out;
  out = std::max(out, radio->measurement.time_ms);
  for (const auto& bearer : radio->bearers) out = std::max(out, bearer.time_ms);
  return out;
}

std::optional<UserId> RanState::user_id(std::string_view address) const {
  const auto found = user_ids_.find(address);
  if (found == user_ids_.end()) return std::nullopt;
  return found->second;
}

const User* RanState::find_user(std::string_view address) const {
  const auto id = user_id(address);
  return id ? &users_[*id] : nullptr;
}

const Cell* RanState::find_cell(std::string_view id) const {
  const auto found = cell_ids_.find(id);
  return found == cell_ids_.end() ? nullptr : &cells_[found->second];
}

Result<bool> RanState::apply(Report&& report, Observer* observer) {
  const auto time_ms = report.time_ms;
  if (auto* cell = std::get_if<CellReport>(&report.what)) {
    return apply_cell(std::move(*cell), time_ms, observer);
  }
  const auto id = place_of(report.user);
  if (!id) return std::unexpected(id.error());
  User& user = users_[*id];
  Change change{.time_ms = time_ms, .user = *id, .was = user.cell, .is = user.cell};
  change.was_zone = change.is_zone = zone_of(user.cell);
  bool news = false;
  std::optional<Error> refusal;  // of what it says besides the cell
  if (auto* position = std::get_if<PositionReport>(&report.what)) {
    if (position->fix && time_ms >= user.fix_time_ms && time_ms >= user.detached_ms) {
      user.fix = *position->fix;
      user.fix_time_ms = time_ms;
      news = change.located = true;
    }
  } else if (auto* measurement = std::get_if<MeasurementReport>(&report.what)) {
    news = take_measurement(user, std::move(*measurement), time_ms);
  } else if (const auto* bearer = std::get_if<BearerReport>(&report.what)) {
    const auto taken = take_bearer(user, *bearer, time_ms);
    news = taken.value_or(false);
    if (!taken) refusal = taken.error();
  } else {
    news = detach(*id, time_ms, change);
  }
  if (!report.cell.empty()) news |= serve(*id, report.cell, time_ms, change);
  if (observer != nullptr && (change.located || change.was != change.is))
    observer->changed(*this, change);
  if (refusal) return std::unexpected(std::move(*refusal));
  return news;
}

// The user's place, made if there is none.
Result<UserId> RanState::place_of(const std::string& address) {
  if (const auto found = user_ids_.find(address); found != user_ids_.end()) return found->second;
  if (user_ids_.size() >= limits_.users) {
    return fail(ErrorCode::kResourceExhausted, "there are {} users already", limits_.users);
  }
  if (free_users_.empty()) {
    free_users_.push_back(static_cast<UserId>(users_.size()));
    users_.emplace_back();
  }
  const auto id = free_users_.back();
  free_users_.pop_back();
  users_[id].address = &user_ids_.emplace(address, id).first->first;
  return id;
}

void RanState::take_out(UserId id) {
  auto& user = users_[id];
  if (user.cell != kNoCell) {
    cells_[user.cell].users.erase(id);
    --zones_.find(cells_[user.cell].zone)->second.users;
    user.cell = kNoCell;
  }
  if (user.outside == nullptr) return;
  const auto found = outside_.find(*std::exchange(user.outside, nullptr));
  found->second.erase(id);
  if (found->second.empty()) outside_.erase(found);
}

void RanState::put_in(UserId id, CellId cell) {
  users_[id].cell = cell;
  cells_[cell].users.insert(id);
  ++zones_.find(cells_[cell].zone)->second.users;
}

void RanState::put_outside(UserId id, std::string_view cell) {
  const auto place = outside_.try_emplace(std::string(cell)).first;
  place->second.insert(id);
  users_[id].outside = &place->first;
}

// An empty name: no cell does.
bool RanState::serve(UserId id, std::string_view cell, int64_t time_ms, Change& change) {
  auto& user = users_[id];
  if (time_ms < user.cell_time_ms || time_ms < user.detached_ms) return false;
  user.cell_time_ms = time_ms;
  const std::string_view known = user.cell != kNoCell      ? std::string_view(cells_[user.cell].id)
                                 : user.outside != nullptr ? std::string_view(*user.outside)
                                                           : std::string_view();
  if (known == cell) return true;
  take_out(id);
  if (const auto found = cell_ids_.find(cell); found != cell_ids_.end()) {
    put_in(id, found->second);
  } else if (!cell.empty()) {
    put_outside(id, cell);
  }
  change.is = user.cell;
  change.is_zone = zone_of(user.cell);
  return true;
}

bool RanState::take_measurement(User& user, MeasurementReport&& report, int64_t time_ms) {
  if (!user.radio) user.radio = std::make_unique<Radio>();
  auto& known = user.radio->measurement;
  if (time_ms < known.time_ms || time_ms < user.detached_ms) return false;
  known = {time_ms, std::move(report.serving), report.timing_advance, std::move(report.neighbours)};
  known.neighbours.shrink_to_fit();
  return true;
}

Result<bool> RanState::take_bearer(User& user, const BearerReport& report, int64_t time_ms) {
  if (time_ms < user.detached_ms) return false;
  if (!user.radio) user.radio = std::make_unique<Radio>();
  auto& bearers = user.radio->bearers;
  const auto found =
      std::ranges::find(bearers, report.id, [](const Bearer& b) { return b.report.id; });
  if (found != bearers.end()) {
    if (time_ms < found->time_ms) return false;
    *found = {time_ms, report};
    return true;
  }
  if (bearers.size() < limits_.bearers_of_user) {
    bearers.push_back({time_ms, report});
    return true;
  }
  // Released ones are kept to know what is late; the oldest does not matter any more.
  Bearer* oldest = nullptr;
  for (auto& bearer : bearers) {
    const bool older = oldest == nullptr || bearer.time_ms < oldest->time_ms;
    if (bearer.report.released && older) oldest = &bearer;
  }
  if (oldest == nullptr) {
    return fail(ErrorCode::kResourceExhausted, "the user has {} bearers already",
                limits_.bearers_of_user);
  }
  *oldest = {time_ms, report};
  return true;
}

// What is known of the user from before is over, whatever newer reports have said already of
// something else; reports of before stay late.
bool RanState::detach(UserId id, int64_t time_ms, Change& change) {
  auto& user = users_[id];
  bool news = time_ms >= user.newest_ms();
  if (user.fix_time_ms != 0 && user.fix_time_ms <= time_ms) {
    user.fix_time_ms = 0;
    user.fix = {};
    news = change.located = true;
  }
  if (user.radio) {
    auto& [measurement, bearers] = *user.radio;
    if (measurement.time_ms != 0 && measurement.time_ms <= time_ms) {
      measurement = {};
      news = true;
    }
    news |= std::erase_if(bearers, [&](const auto& b) { return b.time_ms <= time_ms; }) > 0;
    if (measurement.time_ms == 0 && bearers.empty()) user.radio.reset();
  }
  news |= serve(id, {}, time_ms, change);
  user.detached_ms = std::max(user.detached_ms, time_ms);
  return news;
}

Result<bool> RanState::apply_cell(CellReport&& report, int64_t time_ms, Observer* observer) {
  const auto found = cell_ids_.find(report.id);
  const auto removed = removed_cells_.find(report.id);
  const int64_t known = found != cell_ids_.end()          ? cells_[found->second].time_ms
                        : removed != removed_cells_.end() ? removed->second
                                                          : 0;
  if (time_ms < known) return false;
  if (report.removed) {
    if (found == cell_ids_.end()) return true;
    const auto id = found->second;
    empty_cell(id, time_ms, observer);
    removed_cells_[report.id] = time_ms;
    // Whoever moves cells about has to name few of them again and again.
    if (removed_cells_.size() > limits_.cells) {
      removed_cells_.erase(
          std::ranges::min_element(removed_cells_, {}, [](const auto& e) { return e.second; }));
    }
    auto zone = zones_.find(cells_[id].zone);
    zone->second.cells.erase(id);
    if (zone->second.cells.empty()) zones_.erase(zone);
    cell_ids_.erase(found);
    cells_[id] = Cell{};
    free_cells_.push_back(id);
    return true;
  }
  if (found == cell_ids_.end() && cell_ids_.size() >= limits_.cells) {
    return fail(ErrorCode::kResourceExhausted, "there are {} cells already", limits_.cells);
  }
  const bool is_new = found == cell_ids_.end();
  CellId id = kNoCell;
  if (!is_new) {
    id = found->second;
  } else {
    if (free_cells_.empty()) {
      free_cells_.push_back(static_cast<CellId>(cells_.size()));
      cells_.emplace_back();
    }
    id = free_cells_.back();
    free_cells_.pop_back();
    cells_[id].id = report.id;
    cells_[id].in_map = true;
    cell_ids_.emplace(report.id, id);
    if (removed != removed_cells_.end()) removed_cells_.erase(removed);
  }
  auto& cell = cells_[id];
  Change change{.kind = Change::Kind::kCell, .time_ms = time_ms, .was = id, .is = id};
  change.was_operation = is_new ? report.operation : cell.operation;
  cell.time_ms = time_ms;
  cell.technology = report.technology;
  cell.operation = report.operation;
  cell.place = report.place;
  cell.timezone = std::move(report.timezone);
  cell.realm = std::move(report.realm);
  if (cell.zone != report.zone) enter_zone(id, report.zone, time_ms, observer);
  if (is_new) fill_cell(id, time_ms, observer);
  change.was_zone = change.is_zone = cell.zone;
  if (observer != nullptr) observer->changed(*this, change);
  return true;
}

void RanState::empty_cell(CellId id, int64_t time_ms, Observer* observer) {
  const auto users = cells_[id].users;
  for (const auto user : users) {
    Change change{.time_ms = time_ms, .user = user, .was = id, .is = id};
    change.was_zone = zone_of(id);
    take_out(user);
    put_outside(user, cells_[id].id);
    change.is = kNoCell;
    if (observer != nullptr) observer->changed(*this, change);
  }
}

// Those who were reported there before it was in the map.
void RanState::fill_cell(CellId id, int64_t time_ms, Observer* observer) {
  const auto found = outside_.find(cells_[id].id);
  if (found == outside_.end()) return;
  const auto users = found->second;
  for (const auto user : users) {
    take_out(user);
    put_in(user, id);
    Change change{.time_ms = time_ms, .user = user, .is = id};
    change.is_zone = zone_of(id);
    if (observer != nullptr) observer->changed(*this, change);
  }
}

// Its users go with it.
void RanState::enter_zone(CellId id, const std::string& zone, int64_t time_ms, Observer* observer) {
  auto& cell = cells_[id];
  const auto was = std::exchange(cell.zone, zone);
  auto& now = zones_[zone];
  now.cells.insert(id);
  const auto before = zones_.find(was);
  for (const auto user : cell.users) {
    --before->second.users;
    ++now.users;
    if (observer == nullptr) continue;
    Change change{.time_ms = time_ms, .user = user, .was = id, .is = id};
    change.was_zone = was;
    change.is_zone = cell.zone;
    observer->changed(*this, change);
  }
  if (before == zones_.end()) return;
  before->second.cells.erase(id);
  if (before->second.cells.empty()) zones_.erase(before);
}

size_t RanState::forget_before(int64_t time_ms, int64_t now_ms, Observer* observer) {
  size_t out = 0;
  for (UserId id = 0; id < users_.size(); ++id) {
    auto& user = users_[id];
    if (user.address == nullptr || std::max(user.newest_ms(), user.detached_ms) >= time_ms)
      continue;
    Change change{.time_ms = now_ms, .user = id, .was = user.cell};
    change.was_zone = zone_of(user.cell);
    change.located = user.fix_time_ms != 0;
    change.forgotten = true;
    take_out(id);
    user.fix_time_ms = 0;
    if (observer != nullptr) observer->changed(*this, change);
    user_ids_.erase(user_ids_.find(*user.address));
    user = User{};
    free_users_.push_back(id);
    ++out;
  }
  return out;
}

}  // namespace sluice::feeds
