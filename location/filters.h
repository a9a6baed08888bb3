// What subscribers want to be told of: the members of the subscriptions of MEC 013 §6.3 that are
// their own.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "location/geometry.h"

namespace sluice::location {

// LocationEventType. A subscription without criteria is about both.
struct Crossings {
  bool entering = true;
  bool leaving = true;
};

// ReportingCtrl (§6.5.10), and what else bounds how often a subscriber is told.
struct Pace {
  uint32_t most = 0;              // notifications in all; 0: any number
  std::chrono::seconds apart{0};  // between two, at least

  bool limited() const { return most > 0 || apart.count() > 0; }
};

using Names = std::set<std::string, std::less<>>;

// UserLocationEventSubscription
struct UserEventFilter {
  std::string user;
  std::string zone;     // empty: not about one zone
  Names access_points;  // empty: not about these. Both empty: about any zone
  Crossings crossings;
  Pace pace;  // ONE_TIME_EVENT: one
  bool with_location = false;
};

// UserLocationPeriodicSubscription
struct PeriodicFilter {
  std::string user;
  Pace pace;  // both set
};

// ZoneLocationEventSubscription
struct ZoneEventFilter {
  std::string zone;
  Names users;  // empty: all
  Crossings crossings;
  Pace pace;
};

// ZoneStatusSubscription
struct ZoneStatusFilter {
  std::string zone;
  std::optional<uint64_t> zone_upper, zone_lower, cell_upper, cell_lower;
  std::vector<feeds::Operation> operations;
  Pace pace;
};

// UserAreaSubscription
struct AreaFilter {
  Area area;
  Names users;
  Crossings crossings;
  double accuracy_m = 0;  // positions that are less certain do not count
  Pace pace;
  bool with_location = false;
};

// UserDistanceSubscription
struct DistanceFilter {
  std::vector<std::string> monitored, references;  // no references: the monitored to each other
  double distance_m = 0;
  double accuracy_m = 0;
  bool all = false;     // every distance, not any
  bool within = false;  // at most, not beyond
  bool immediately = false;
  Pace pace;
  std::string criteria;  // DistanceCriteria, as the client wrote it
};

using Filter = std::variant<UserEventFilter, PeriodicFilter, ZoneEventFilter, ZoneStatusFilter,
                            AreaFilter, DistanceFilter>;

// A body that its schema has admitted, of that type. The error names the member.
Result<Filter> read_filter(const std::string& type, const nlohmann::json& body);

// A notify::SubscriptionParser for the type: what of the body is to be stored and shown.
Result<nlohmann::json> own_members(const std::string& type, const nlohmann::json& body);

// "Serviceable"
const char* to_word(feeds::Operation operation);

}  // namespace sluice::location
