#include "location/answers.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "base/http/percent.h"
#include "location/filters.h"

namespace sluice::location {

using nlohmann::json;

namespace {

const char* connection_type(feeds::Technology technology) {
  switch (technology) {
    case feeds::Technology::kNr:
      return "5G NR";
    case feeds::Technology::kLte:
      return "LTE";
    case feeds::Technology::kWifi:
      return "Wifi";
    case feeds::Technology::kWimax:
      return "Wimax";
    case feeds::Technology::kUnknown:
      break;
  }
  return "UNKNOWN";
}

// Seven decimals are a centimetre; digits beyond are noise of binary fractions.
double rounded(double degrees) { return std::round(degrees * 1e7) / 1e7; }

}  // namespace

json time_stamp_ms(int64_t unix_ms) {
  return {{"seconds", unix_ms / 1000}, {"nanoSeconds", unix_ms % 1000 * 1'000'000}};
}

std::string location_text(const feeds::Fix& fix) {
  std::string out;
  auto to = std::back_inserter(out);
  // 2: a point, 3: with altitude, 5: with a circle of uncertainty (§6.5.3).
  fmt::format_to(to, R"({{"latitude":[{}],"longitude":[{}],"shape":{})", rounded(fix.at.latitude),
                 rounded(fix.at.longitude),
                 fix.uncertainty_m ? 5
                 : fix.altitude_m  ? 3
                                   : 2);
  if (fix.uncertainty_m) fmt::format_to(to, R"(,"accuracy":{})", *fix.uncertainty_m);
  if (fix.altitude_m) fmt::format_to(to, R"(,"altitude":{})", *fix.altitude_m);
  if (fix.speed_kmh) {
    fmt::format_to(to, R"(,"velocity":{{"velocityType":1,"bearing":{},"horizontalSpeed":{}}})",
                   *fix.bearing_deg, *fix.speed_kmh);
  }
  out += '}';
  return out;
}

json location_info(const feeds::Fix& fix) { return json::parse(location_text(fix)); }

const feeds::Fix* Answers::current_fix(const feeds::User& user) const {
  if (user.fix_time_ms == 0) return nullptr;
  if (feed_.is_stale(user.fix_time_ms) && !feed_.is_stale(user.cell_time_ms)) return nullptr;
  return &user.fix;
}

std::string Answers::user_text(const feeds::RanState& state, const feeds::User& user) const {
  const auto* fix = current_fix(user);
  const auto time_ms = fix != nullptr ? user.fix_time_ms : user.cell_time_ms;
  // By hand, as lists have thousands; the feed lets no name in that would have to be escaped.
  std::string out;
  out.reserve(512);
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"address":"{}","resourceURL":"{}/queries/users?address={}")",
                 *user.address, base_, http::percent_encode(*user.address));
  fmt::format_to(to, R"(,"timestamp":{{"seconds":{},"nanoSeconds":{}}})", time_ms / 1000,
                 time_ms % 1000 * 1'000'000);
  if (user.cell != feeds::kNoCell) {
    const auto& cell = state.cell(user.cell);
    fmt::format_to(to, R"(,"accessPointId":"{}","zoneId":"{}")", cell.id, cell.zone);
  }
  if (fix != nullptr) {
    out += ",\"locationInfo\":";
    out += location_text(*fix);
  }
  // As old as the older of what is told.
  const auto since_ms =
      user.cell == feeds::kNoCell ? time_ms : std::min(user.cell_time_ms, time_ms);
  if (feed_.is_stale(since_ms)) out += ",\"stale\":true";
  out += '}';
  return out;
}

json Answers::user_info(const feeds::RanState& state, const feeds::User& user) const {
  return json::parse(user_text(state, user));
}

json Answers::zone_info(const std::string& id, const feeds::RanState& state,
                        const feeds::Zone& zone) const {
  const auto down = std::ranges::count_if(zone.cells, [&](feeds::CellId cell) {
    return state.cell(cell).operation == feeds::Operation::kUnserviceable;
  });
  return {{"zoneId", id},
          {"numberOfAccessPoints", zone.cells.size()},
          {"numberOfUnserviceableAccessPoints", down},
          {"numberOfUsers", zone.users},
          {"resourceURL", base_ + "/queries/zones/" + http::percent_encode(id)}};
}

json Answers::access_point_info(const feeds::Cell& cell) const {
  json out = {{"accessPointId", cell.id},
              {"connectionType", connection_type(cell.technology)},
              {"operationStatus", to_word(cell.operation)},
              {"numberOfUsers", cell.users.size()},
              {"resourceURL", base_ + "/queries/zones/" + http::percent_encode(cell.zone) +
                                  "/accessPoints/" + http::percent_encode(cell.id)}};
  if (cell.place) out["locationInfo"] = location_info(*cell.place);
  if (!cell.timezone.empty()) out["timezone"] = cell.timezone;
  if (!cell.realm.empty()) out["interestRealm"] = cell.realm;
  return out;
}

}  // namespace sluice::location
