#include "location/filters.h"

#include <algorithm>

namespace sluice::location {
namespace {

using nlohmann::json;

// reportingAmount x reportingInterval (§6.5.7): 99 days, 23:59:59.
constexpr uint64_t kLongestPeriodic_s = 8'639'999;

const json& member(const json& body, const char* name) {
  static const json kNone;
  const auto found = body.find(name);
  return found == body.end() ? kNone : *found;
}

Names names_of(const json& list) {
  Names out;
  for (const auto& name : list) out.insert(name.get<std::string>());
  return out;
}

Crossings crossings_of(const json& body) {
  const auto& list = member(body, "locationEventCriteria");
  if (list.empty()) return {};
  const auto names = names_of(list);
  return {names.contains("ENTERING_AREA_EVENT"), names.contains("LEAVING_AREA_EVENT")};
}

Pace pace_of(const json& body) {
  const auto& control = member(body, "reportingCtrl");
  if (control.is_null()) return {};
  Pace out;
  out.most = control.value("maximumCount", 0u);
  out.apart = std::chrono::seconds(
      std::max(control.value("maximumFrequency", 0), control.value("minimumInterval", 0)));
  return out;
}

Coordinates coordinates_of(const json& point) {
  return {point.at("latitude").get<double>(), point.at("longitude").get<double>()};
}

Result<Area> area_of(const json& define) {
  const auto& points = define.at("points");
  const bool circle = define.at("shape") == 1;
  if (circle) {
    if (points.size() != 1) return bad_field("areaDefine.points", "a circle has one, its centre");
    if (!define.contains("radius")) return bad_field("areaDefine.radius", "a circle needs one");
    return Area::circle(coordinates_of(points[0]), define["radius"].get<double>());
  }
  if (define.contains("radius")) return bad_field("areaDefine.radius", "a polygon has none");
  if (points.size() < 3) return bad_field("areaDefine.points", "a polygon has 3 to 15");
  std::vector<Coordinates> corners;
  for (const auto& point : points) corners.push_back(coordinates_of(point));
  return Area::polygon(corners);
}

Result<Filter> user_event(const json& body) {
  UserEventFilter out;
  out.user = body.at("address");
  out.crossings = crossings_of(body);
  const auto& more = member(body, "userEventPara");
  if (more.is_null()) return out;
  out.zone = more.value("zoneId", "");
  out.access_points = names_of(member(more, "accessPointList"));
  if (!out.zone.empty() && !out.access_points.empty()) {
    return bad_field("userEventPara", "has either zoneId or accessPointList");
  }
  if (more.value("occurrenceInfo", "") == "ONE_TIME_EVENT") out.pace.most = 1;
  out.with_location = more.value("reportingLocationReq", false);
  return out;
}

Result<Filter> periodic(const json& body) {
  const auto& info = body.at("periodicEventInfo");
  PeriodicFilter out;
  out.user = body.at("address");
  out.pace.most = info.at("reportingAmount");
  out.pace.apart = std::chrono::seconds(info.at("reportingInterval").get<int64_t>());
  if (uint64_t{out.pace.most} * static_cast<uint64_t>(out.pace.apart.count()) >
      kLongestPeriodic_s) {
    return bad_field("periodicEventInfo", "reportingAmount times reportingInterval is at most {}",
                     kLongestPeriodic_s);
  }
  return out;
}

Result<Filter> zone_event(const json& body) {
  return ZoneEventFilter{body.at("zoneId"), names_of(member(body, "addressList")),
                         crossings_of(body), pace_of(body)};
}

Result<Filter> zone_status(const json& body) {
  ZoneStatusFilter out;
  out.zone = body.at("zoneId");
  const auto threshold = [&](const char* name) -> std::optional<uint64_t> {
    const auto& value = member(body, name);
    if (value.is_null()) return std::nullopt;
    return value.get<uint64_t>();
  };
  out.zone_upper = threshold("upperNumberOfUsersZoneThreshold");
  out.zone_lower = threshold("lowerNumberOfUsersZoneThreshold");
  out.cell_upper = threshold("upperNumberOfUsersAPThreshold");
  out.cell_lower = threshold("lowerNumberOfUsersAPThreshold");
  for (const auto& word : member(body, "operationStatus")) {
    for (const auto operation : {feeds::Operation::kServiceable, feeds::Operation::kUnserviceable,
                                 feeds::Operation::kUnknown}) {
      if (word == to_word(operation)) out.operations.push_back(operation);
    }
  }
  out.pace = pace_of(body);
  if (!out.zone_upper && !out.zone_lower && !out.cell_upper && !out.cell_lower &&
      out.operations.empty()) {
    return bad_field("operationStatus",
                     "or one of the thresholds is needed: there is nothing to tell");
  }
  return out;
}

Result<Filter> area(const json& body) {
  auto area = area_of(body.at("areaDefine"));
  if (!area) return std::unexpected(area.error());
  return AreaFilter{std::move(*area),   names_of(body.at("addressList")),
                    crossings_of(body), body.at("trackingAccuracy"),
                    pace_of(body),      body.value("reportingLocationReq", false)};
}

Result<Filter> distance(const json& body) {
  DistanceFilter out;
  const auto distinct = [](const json& list) {
    const auto names = names_of(list);
    return std::vector<std::string>(names.begin(), names.end());
  };
  out.monitored = distinct(body.at("monitoredAddress"));
  out.references = distinct(member(body, "referenceAddress"));
  out.criteria = body.at("criteria");
  out.all = out.criteria.starts_with("All");
  out.within = out.criteria.contains("Within");
  out.distance_m = body.at("distance");
  out.accuracy_m = body.at("trackingAccuracy");
  out.immediately = body.at("checkImmediate");
  out.pace = pace_of(body);
  if (out.references.empty() && out.monitored.size() < 2) {
    return bad_field("monitoredAddress", "needs two users, or a referenceAddress");
  }
  return out;
}

struct Type {
  const char* name;
  Result<Filter> (*read)(const json&);
  std::vector<const char*> members;
};

const std::vector<Type>& types() {
  static const std::vector<Type> kTypes = {
      {"UserLocationEventSubscription",
       user_event,
       {"address", "locationEventCriteria", "userEventPara"}},
      {"UserLocationPeriodicSubscription", periodic, {"address", "periodicEventInfo"}},
      {"ZoneLocationEventSubscription",
       zone_event,
       {"zoneId", "addressList", "locationEventCriteria", "reportingCtrl"}},
      {"ZoneStatusSubscription",
       zone_status,
       {"zoneId", "upperNumberOfUsersZoneThreshold", "lowerNumberOfUsersZoneThreshold",
        "upperNumberOfUsersAPThreshold", "lowerNumberOfUsersAPThreshold", "operationStatus",
        "reportingCtrl"}},
      {"UserAreaSubscription",
       area,
       {"areaDefine", "addressList", "locationEventCriteria", "trackingAccuracy", "reportingCtrl",
        "reportingLocationReq"}},
      {"UserDistanceSubscription",
       distance,
       {"monitoredAddress", "referenceAddress", "distance", "trackingAccuracy", "criteria",
        "checkImmediate", "reportingCtrl"}}};
  return kTypes;
}

const Type& type_of(const std::string& name) {
  return *std::ranges::find(types(), name, [](const Type& type) { return std::string(type.name); });
}

}  // namespace

Result<Filter> read_filter(const std::string& type, const json& body) {
  return type_of(type).read(body);
}

Result<json> own_members(const std::string& type, const json& body) {
  if (auto filter = read_filter(type, body); !filter) return std::unexpected(filter.error());
  auto out = json::object();
  for (const char* name : type_of(type).members) {
    if (const auto found = body.find(name); found != body.end()) out[name] = *found;
  }
  if (const auto found = body.find("clientCorrelator"); found != body.end())
    out["clientCorrelator"] = *found;
  return out;
}

const char* to_word(feeds::Operation operation) {
  switch (operation) {
    case feeds::Operation::kServiceable:
      return "Serviceable";
    case feeds::Operation::kUnserviceable:
      return "Unserviceable";
    case feeds::Operation::kUnknown:
      break;
  }
  return "Unknown";
}

}  // namespace sluice::location
