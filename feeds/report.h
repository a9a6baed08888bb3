// What the radio network reports: one JSON object a line, as README.md describes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace sluice::feeds {

inline constexpr size_t kMaxLine = 8192;      // octets
inline constexpr size_t kMaxName = 128;       // octets of an address or identifier
inline constexpr size_t kMaxNeighbours = 16;  // of one measurement

// WGS 84, degrees.
struct Coordinates {
  double latitude = 0;   // -90 to 90
  double longitude = 0;  // -180 to 180
  bool operator==(const Coordinates&) const = default;
};

// Where somebody is.
struct Fix {
  Coordinates at;
  std::optional<float> altitude_m;        // above the ellipsoid
  std::optional<uint32_t> uncertainty_m;  // radius of the circle of uncertainty
  // Both or none.
  std::optional<uint16_t> bearing_deg;  // 0 to 359
  std::optional<uint16_t> speed_kmh;
};

enum class Technology : uint8_t { kNr, kLte, kWifi, kWimax, kUnknown };
enum class Operation : uint8_t { kServiceable, kUnserviceable, kUnknown };

// "cell": of the cell map, the whole of it replaced; or the cell is gone.
struct CellReport {
  std::string id;
  bool removed = false;
  std::string zone;
  Technology technology = Technology::kUnknown;
  Operation operation = Operation::kUnknown;
  std::optional<Fix> place;  // of the antenna
  std::string timezone;      // empty: not told
  std::string realm;         // interestRealm; empty: not told
};

// "position"
struct PositionReport {
  std::optional<Fix> fix;
};

// Of a cell, as the UE or the base station measures it.
struct Signal {
  std::string cell;
  std::optional<float> rsrp_dbm;  // -157 to -31
  std::optional<float> rsrq_db;   // -44 to 20
  std::optional<float> sinr_db;   // -24 to 41
};

// "measurement"
struct MeasurementReport {
  Signal serving;                          // its cell is the report's, maybe empty
  std::optional<uint16_t> timing_advance;  // 0 to 3846 (TS 38.213 §4.2)
  std::vector<Signal> neighbours;
};

// "bearer": a radio access bearer (LTE) or QoS flow (NR) of the user.
struct BearerReport {
  uint8_t id = 0;  // ERAB-ID or QFI
  bool released = false;
  std::optional<uint8_t> qos_class;  // QCI or 5QI
  // Kilobits a second.
  std::optional<uint64_t> guaranteed_uplink_kbps, guaranteed_downlink_kbps;
  std::optional<uint64_t> maximum_uplink_kbps, maximum_downlink_kbps;
};

// "detach": the user has left the site's radio network.
struct DetachReport {};

struct Report {
  int64_t time_ms = 0;  // when it was so; Unix time
  std::string user;     // its address; empty for a cell
  std::string cell;     // that serves the user then; empty: not told
  std::variant<CellReport, PositionReport, MeasurementReport, BearerReport, DetachReport> what;
};

// Reads one line. The error names the member; the text of the line is not in it.
Result<Report> parse_report(std::string_view line);

}  // namespace sluice::feeds
