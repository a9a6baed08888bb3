#include "location/queries.h"

#include <algorithm>
#include <cmath>

#include "base/http/json_text.h"
#include "base/http/percent.h"
#include "base/http/problem.h"
#include "base/rest/list_reply.h"
#include "location/geometry.h"

namespace sluice::location {
namespace {

using feeds::RanState;
using http::Request;
using http::Response;
using http::to_response;
using nlohmann::json;

struct Site {
  const feeds::RanFeed& feed;
  const Answers& answers;
};

using Names = std::set<std::string, std::less<>>;

// Reports wait while a page is made, and so do other queries on the same thread.
constexpr size_t kUsersOnPage = 200;

// The values of a parameter that is a list.
Names names_of(const Request& request, const char* parameter) {
  const auto values = rest::query_values(request.query, parameter);
  return {values.begin(), values.end()};
}

// The array of a page in the objects that MEC 013 puts around it.
Response wrapped(Response&& page, const char* outer, const char* inner, json&& more) {
  auto head = json{{outer, std::move(more)}}.dump();
  head.resize(head.size() - 2);  // "}}"
  page.body = head + ",\"" + inner + "\":" + page.body + "}}";
  return std::move(page);
}

std::string own_uri(const Answers& answers, const Request& request, const char* path) {
  const auto question = request.target.find('?');
  return answers.base() + path +
         (question == std::string::npos ? "" : request.target.substr(question));
}

// Users are in the order of their access points' names, so that a page costs what is on it.
std::string place_in_list(const std::string& cell, feeds::UserId user) {
  return cell + fmt::format(" {:08x}", user);  // no name has a blank
}

Response users(const Site& site, const Request& asked) {
  Request request = asked;
  request.page_size = std::min(asked.page_size, kUsersOnPage);
  auto page = rest::ListPage::begin(request, {.id_member = "address"});
  if (!page) return to_response(page.error());
  const auto zones = names_of(request, "zoneId");
  const auto cells = names_of(request, "accessPointId");
  const auto addresses = names_of(request, "address");
  site.feed.read([&](const RanState& state) {
    const auto takes = [&](const feeds::Cell& cell) {
      return (zones.empty() || zones.contains(cell.zone)) &&
             (cells.empty() || cells.contains(cell.id));
    };
    const auto add = [&](const feeds::Cell& cell, feeds::UserId id) {
      return page->add_text(place_in_list(cell.id, id),
                            site.answers.user_text(state, state.user(id)));
    };
    if (!addresses.empty()) {
      std::map<std::string, feeds::UserId> found;
      for (const auto& address : addresses) {
        const auto id = state.user_id(address);
        if (!id || state.user(*id).cell == feeds::kNoCell) continue;
        const auto& cell = state.cell(state.user(*id).cell);
        if (takes(cell)) found.emplace(place_in_list(cell.id, *id), *id);
      }
      for (const auto& [place, id] : found) {
        if (!add(state.cell(state.user(id).cell), id)) return;
      }
      return;
    }
    const auto& after = page->after();
    const auto blank = after.find(' ');
    const auto first = after.substr(0, blank);
    for (auto it = state.cells().lower_bound(first); it != state.cells().end(); ++it) {
      const auto& cell = state.cell(it->second);
      if (!takes(cell)) continue;
      auto user = cell.users.begin();
      if (cell.id == first && blank != std::string::npos) {
        user = cell.users.upper_bound(
            static_cast<feeds::UserId>(std::strtoul(after.c_str() + blank + 1, nullptr, 16)));
      }
      for (; user != cell.users.end(); ++user) {
        if (!add(cell, *user)) return;
      }
    }
  });
  return wrapped(page->reply(), "userList", "user",
                 {{"resourceURL", own_uri(site.answers, request, "/queries/users")}});
}

Response zones(const Site& site, const Request& request) {
  auto page = rest::ListPage::begin(request, {.id_member = "zoneId"});
  if (!page) return to_response(page.error());
  const auto wanted = names_of(request, "zoneId");
  site.feed.read([&](const RanState& state) {
    const auto& all = state.zones();
    for (auto it = all.upper_bound(page->after()); it != all.end(); ++it) {
      if (!wanted.empty() && !wanted.contains(it->first)) continue;
      if (!page->add(it->first, site.answers.zone_info(it->first, state, it->second))) return;
    }
  });
  return wrapped(page->reply(), "zoneList", "zone",
                 {{"resourceURL", own_uri(site.answers, request, "/queries/zones")}});
}

std::unexpected<Error> no_zone(const std::string& id) {
  return fail(ErrorCode::kNotFound, "there is no zone '{}'", id);
}

Response zone(const Site& site, const Request& request) {
  const auto& id = request.path_param("zoneId");
  const auto info = site.feed.read([&](const RanState& state) -> Result<json> {
    const auto found = state.zones().find(id);
    if (found == state.zones().end()) return no_zone(id);
    return site.answers.zone_info(id, state, found->second);
  });
  if (!info) return to_response(info.error());
  return Response::json(200, {{"zoneInfo", *info}});
}

Response access_points(const Site& site, const Request& request) {
  const auto& id = request.path_param("zoneId");
  auto page = rest::ListPage::begin(request, {.id_member = "accessPointId"});
  if (!page) return to_response(page.error());
  const auto wanted = names_of(request, "accessPointId");
  const auto done = site.feed.read([&](const RanState& state) -> Result<void> {
    const auto found = state.zones().find(id);
    if (found == state.zones().end()) return no_zone(id);
    std::map<std::string_view, feeds::CellId> cells;
    for (const auto cell : found->second.cells) cells.emplace(state.cell(cell).id, cell);
    for (const auto& [name, cell] : cells) {
      if (!wanted.empty() && !wanted.contains(name)) continue;
      if (!page->add(name, site.answers.access_point_info(state.cell(cell)))) break;
    }
    return {};
  });
  if (!done) return to_response(done.error());
  const auto path = "/queries/zones/" + http::percent_encode(id) + "/accessPoints";
  return wrapped(page->reply(), "accessPointList", "accessPoint",
                 {{"zoneId", id}, {"resourceURL", own_uri(site.answers, request, path.c_str())}});
}

Response access_point(const Site& site, const Request& request) {
  const auto& zone_id = request.path_param("zoneId");
  const auto& id = request.path_param("accessPointId");
  const auto info = site.feed.read([&](const RanState& state) -> Result<json> {
    const auto* cell = state.find_cell(id);
    if (cell != nullptr && cell->zone == zone_id) return site.answers.access_point_info(*cell);
    return fail(ErrorCode::kNotFound, "zone '{}' has no access point '{}'", zone_id, id);
  });
  if (!info) return to_response(info.error());
  return Response::json(200, {{"accessPointInfo", *info}});
}

// `location` as an object in one of the forms that OpenAPI knows, or its members by themselves.
Result<std::optional<Coordinates>> location_of(const http::Query& query) {
  std::optional<double> latitude, longitude;
  const auto read = [&](std::string_view name, std::string_view text) {
    char* end = nullptr;
    const std::string copy(text);
    const double value = std::strtod(copy.c_str(), &end);
    const bool good = !copy.empty() && *end == '\0' && std::isfinite(value);
    if (name == "latitude" && good && std::abs(value) <= 90) latitude = value;
    if (name == "longitude" && good && std::abs(value) <= 180) longitude = value;
  };
  const auto whole = query.get("location");
  if (!whole && !query.has("latitude") && !query.has("longitude")) return std::nullopt;
  if (whole && whole->starts_with('{')) {
    const auto object = http::parse_json(*whole, {.max_depth = 2, .max_values = 4});
    if (!object) return bad_field("location", "{}", object.error().message);
    for (const auto& [name, value] : object->items()) read(name, value.dump());
  } else if (whole) {  // "latitude,48.1,longitude,11.5"
    std::vector<std::string> parts(1);
    for (const char c : *whole) {
      if (c == ',') {
        parts.emplace_back();
      } else {
        parts.back().push_back(c);
      }
    }
    for (size_t i = 0; i + 1 < parts.size(); i += 2) read(parts[i], parts[i + 1]);
  } else {
    read("latitude", query.get("latitude").value_or(""));
    read("longitude", query.get("longitude").value_or(""));
  }
  if (latitude && longitude) return Coordinates{*latitude, *longitude};
  return bad_field(whole      ? "location"
                   : latitude ? "longitude"
                              : "latitude",
                   "a location has a latitude from -90 to 90 and a longitude from -180 to 180");
}

Response distance(const Site& site, const Request& request) {
  const auto location = location_of(request.query);
  if (!location) return to_response(location.error());
  std::vector<std::string> addresses;
  for (const auto value : request.query.all("address")) {
    std::string_view rest = value;
    while (true) {
      const auto comma = rest.find(',');
      addresses.emplace_back(rest.substr(0, comma));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  if (addresses.size() != (*location ? 1u : 2u)) {
    return to_response(bad_field("address", "one with a location, two without").error());
  }
  const auto answer = site.feed.read([&](const RanState& state) -> Result<json> {
    Coordinates ends[2];
    if (*location) ends[1] = **location;
    int64_t time_ms = INT64_MAX;
    uint32_t uncertainty_m = 0;
    bool certain = true;
    for (size_t i = 0; i < addresses.size(); ++i) {
      const auto* user = state.find_user(addresses[i]);
      if (user == nullptr || user->fix_time_ms == 0) {
        return fail(ErrorCode::kNotFound, "no position of '{}' is known", addresses[i]);
      }
      ends[i] = user->fix.at;
      time_ms = std::min(time_ms, user->fix_time_ms);
      certain = certain && user->fix.uncertainty_m;
      uncertainty_m += user->fix.uncertainty_m.value_or(0);
    }
    json out = {{"distance", std::llround(distance_m(ends[0], ends[1]))},
                {"timestamp", time_stamp_ms(time_ms)}};
    if (certain) out["accuracy"] = uncertainty_m;
    return out;
  });
  if (!answer) return to_response(answer.error());
  return Response::json(200, {{"terminalDistance", *answer}});
}

}  // namespace

http::Handlers query_handlers(const feeds::RanFeed& feed, const Answers& answers) {
  const auto with = [site = Site{feed, answers}](Response (*handler)(const Site&, const Request&)) {
    return [site, handler](const Request& request) { return handler(site, request); };
  };
  return {{"queryLocationDistance", with(distance)},
          {"queryLocationUsers", with(users)},
          {"queryLocationZones", with(zones)},
          {"queryLocationZone", with(zone)},
          {"queryLocationAccessPoints", with(access_points)},
          {"queryLocationAccessPoint", with(access_point)}};
}

}  // namespace sluice::location
