#include "feeds/report.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/http/json_text.h"

namespace sluice::feeds {
namespace {

using nlohmann::json;

constexpr http::JsonLimits kLimits{.max_depth = 4, .max_values = 200};
constexpr int64_t kLastMs = 4'102'444'800'000;  // the year 2100

// The members of one object; every one of them has to be taken.
class Members {
 public:
  Members(const json& object, std::string path) : object_(object), path_(std::move(path)) {}

  // The first thing that was wrong.
  std::optional<Error> error;

  void wrong(std::string_view name, std::string message) {
    if (!error)
      error = Error{ErrorCode::kInvalidArgument, std::move(message), path_ + std::string(name)};
  }

  const json* find(const char* name, bool required = false) {
    const auto found = object_.find(name);
    if (found != object_.end()) {
      ++taken_;
      return &*found;
    }
    if (required) wrong(name, "is required");
    return nullptr;
  }

  // Printable ASCII without what lists and links would have to escape.
  std::string name(const char* member, bool required) {
    const auto* value = find(member, required);
    if (value == nullptr) return {};
    if (!value->is_string()) return wrong(member, "must be a text"), std::string();
    const auto& text = value->get_ref<const std::string&>();
    bool good = !text.empty() && text.size() <= kMaxName;
    for (const char c : text) {
      good = good && c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
    }
    if (good) return text;
    wrong(member,
          fmt::format("must be 1 to {} printable ASCII characters, no blank, comma, quote or "
                      "backslash",
                      kMaxName));
    return {};
  }

  template <typename T>
  std::optional<T> integer(const char* member, int64_t low, int64_t high, bool required = false) {
    const auto* value = find(member, required);
    if (value == nullptr) return std::nullopt;
    // Unsigned ones may be beyond int64_t.
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX})) {
      const auto number = value->get<int64_t>();
      if (number >= low && number <= high) return static_cast<T>(number);
    }
    wrong(member, fmt::format("must be an integer from {} to {}", low, high));
    return std::nullopt;
  }

  template <typename T>
  std::optional<T> number(const char* member, double low, double high, bool required = false) {
    const auto* value = find(member, required);
    if (value == nullptr) return std::nullopt;
    if (value->is_number()) {
      const auto number = value->get<double>();
      if (number >= low && number <= high) return static_cast<T>(number);
    }
    wrong(member, fmt::format("must be a number from {} to {}", low, high));
    return std::nullopt;
  }

  template <typename E, size_t N>
  std::optional<E> choice(const char* member, const std::array<std::pair<const char*, E>, N>& words,
                          bool required) {
    const auto* value = find(member, required);
    if (value == nullptr) return std::nullopt;
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (value->is_string() && *value == word) return meaning;
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    wrong(member, "must be one of " + known);
    return std::nullopt;
  }

  // What nobody took is no member of this report: it would be lost in silence.
  void finish() {
    if (error || taken_ == object_.size()) return;
    wrong("", "has members that this type of report does not have");
  }

 private:
  const json& object_;
  const std::string path_;
  size_t taken_ = 0;
};

std::optional<Fix> read_fix(Members& members) {
  Fix out;
  const auto latitude = members.number<double>("latitude", -90, 90);
  const auto longitude = members.number<double>("longitude", -180, 180);
  out.altitude_m = members.number<float>("altitudeM", -1000, 100'000);
  out.uncertainty_m = members.integer<uint32_t>("uncertaintyM", 0, 1'000'000);
  out.bearing_deg = members.integer<uint16_t>("bearingDeg", 0, 359);
  out.speed_kmh = members.integer<uint16_t>("speedKmh", 0, 2047);
  if (out.bearing_deg.has_value() != out.speed_kmh.has_value()) {
    members.wrong("speedKmh", "comes with bearingDeg");
  }
  if (latitude && longitude) {
    out.at = {*latitude, *longitude};
    return out;
  }
  if (latitude || longitude || out.altitude_m || out.uncertainty_m || out.bearing_deg) {
    members.wrong(latitude ? "longitude" : "latitude",
                  "is required beside what else is told of the place");
  }
  return std::nullopt;
}

CellReport read_cell(Members& members) {
  static constexpr std::array<std::pair<const char*, Technology>, 5> kTechnologies = {
      {{"5G NR", Technology::kNr},
       {"LTE", Technology::kLte},
       {"Wifi", Technology::kWifi},
       {"Wimax", Technology::kWimax},
       {"UNKNOWN", Technology::kUnknown}}};
  static constexpr std::array<std::pair<const char*, Operation>, 3> kOperations = {
      {{"Serviceable", Operation::kServiceable},
       {"Unserviceable", Operation::kUnserviceable},
       {"Unknown", Operation::kUnknown}}};
  CellReport out;
  out.id = members.name("cellId", true);
  if (const auto* removed = members.find("removed")) {
    if (!removed->is_boolean()) members.wrong("removed", "must be true or false");
    out.removed = *removed == true;
  }
  if (out.removed) return out;
  out.zone = members.name("zoneId", true);
  out.technology =
      members.choice("connectionType", kTechnologies, true).value_or(Technology::kUnknown);
  out.operation =
      members.choice("operationStatus", kOperations, false).value_or(Operation::kUnknown);
  out.place = read_fix(members);
  if (out.place && out.place->speed_kmh) members.wrong("speedKmh", "cells do not move");
  out.timezone = members.name("timezone", false);
  out.realm = members.name("interestRealm", false);
  return out;
}

void read_signal(Members& members, Signal& out) {
  out.rsrp_dbm = members.number<float>("rsrpDbm", -157, -31);
  out.rsrq_db = members.number<float>("rsrqDb", -44, 20);
  out.sinr_db = members.number<float>("sinrDb", -24, 41);
}

MeasurementReport read_measurement(Members& members, const std::string& serving) {
  MeasurementReport out;
  out.serving.cell = serving;
  read_signal(members, out.serving);
  out.timing_advance = members.integer<uint16_t>("timingAdvance", 0, 3846);
  const auto* list = members.find("neighbours");
  if (list == nullptr) return out;
  if (!list->is_array() || list->size() > kMaxNeighbours) {
    members.wrong("neighbours", fmt::format("must be a list of at most {}", kMaxNeighbours));
    return out;
  }
  for (size_t i = 0; i < list->size() && !members.error; ++i) {
    const auto path = fmt::format("neighbours[{}]", i);
    if (!(*list)[i].is_object()) {
      members.wrong(path, "must be an object");
      break;
    }
    Members one((*list)[i], path + ".");
    Signal signal;
    signal.cell = one.name("cellId", true);
    read_signal(one, signal);
    one.finish();
    if (one.error) members.error = one.error;
    out.neighbours.push_back(std::move(signal));
  }
  return out;
}

BearerReport read_bearer(Members& members) {
  static constexpr std::array<std::pair<const char*, bool>, 2> kStates = {
      {{"ACTIVE", false}, {"RELEASED", true}}};
  constexpr int64_t kMost = 4'000'000'000;  // TS 36.413 §9.2.1.18 and beyond
  BearerReport out;
  out.id = members.integer<uint8_t>("bearerId", 0, 63, true).value_or(0);
  out.released = members.choice("state", kStates, true).value_or(false);
  out.qos_class = members.integer<uint8_t>("qosClass", 1, 255);
  out.guaranteed_uplink_kbps = members.integer<uint64_t>("guaranteedUplinkKbps", 0, kMost);
  out.guaranteed_downlink_kbps = members.integer<uint64_t>("guaranteedDownlinkKbps", 0, kMost);
  out.maximum_uplink_kbps = members.integer<uint64_t>("maximumUplinkKbps", 0, kMost);
  out.maximum_downlink_kbps = members.integer<uint64_t>("maximumDownlinkKbps", 0, kMost);
  return out;
}

enum class Type : uint8_t { kCell, kPosition, kMeasurement, kBearer, kDetach };

}  // namespace

Result<Report> parse_report(std::string_view line) {
  static constexpr std::array<std::pair<const char*, Type>, 5> kTypes = {
      {{"cell", Type::kCell},
       {"position", Type::kPosition},
       {"measurement", Type::kMeasurement},
       {"bearer", Type::kBearer},
       {"detach", Type::kDetach}}};
  const auto object = http::parse_json(line, kLimits);
  if (!object) return std::unexpected(object.error());
  if (!object->is_object()) return fail(ErrorCode::kInvalidArgument, "a report is a JSON object");
  Members members(*object, "");
  Report out;
  const auto type = members.choice("type", kTypes, true);
  out.time_ms = members.integer<int64_t>("timeMs", 1, kLastMs, true).value_or(0);
  if (type == Type::kCell) {
    out.what = read_cell(members);
  } else if (type) {
    out.user = members.name("user", true);
    if (type != Type::kDetach) out.cell = members.name("cellId", false);
    if (type == Type::kPosition) {
      const auto fix = read_fix(members);
      if (!fix && out.cell.empty())
        members.wrong("latitude", "is required where cellId is not told");
      out.what = PositionReport{fix};
    } else if (type == Type::kMeasurement) {
      out.what = read_measurement(members, out.cell);
    } else if (type == Type::kBearer) {
      out.what = read_bearer(members);
    } else {
      out.what = DetachReport{};
    }
  }
  members.finish();
  if (members.error) return std::unexpected(std::move(*members.error));
  return out;
}

}  // namespace sluice::feeds
