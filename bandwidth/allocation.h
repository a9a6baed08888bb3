// A bandwidth allocation: BwInfo of MEC 015 §7.2.2.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/packed_json.h"
#include "notify/time_stamp.h"
#include "traffic-rules/match.h"

namespace sluice::bandwidth {

inline constexpr size_t kMaxFilters = 8;  // of one allocation

enum class Direction : uint8_t { kDownlink, kUplink, kSymmetrical };  // "00", "01", "10"

struct Allocation {
  std::string app_instance_id;
  std::string app_name;  // appName; empty: not told
  Direction direction = Direction::kSymmetrical;
  uint64_t bps = 0;           // fixedAllocation, 1 or more, of users' IP packets
  bool has_priority = false;  // fixedBWPriority was given; the standard defines no values

  // Of a SESSION_SPECIFIC_BW_ALLOCATION: whose packets; of an APPLICATION_SPECIFIC one none. A
  // session is what goes from the filter's source to its destination, and what comes back: which of
  // the two ends is the UE makes no difference.
  PackedJson session_filter;                           // as the client wrote it
  std::vector<traffic_rules::TrafficFilter> sessions;  // either end as the UE's
  std::vector<traffic_rules::MatchBox> boxes;          // as the filters are written, one of each
  std::vector<IpAddress> hosts;                        // the ends that filters name

  uint64_t order = 0;          // of creation
  notify::WallTime changed{};  // timeStamp

  bool of_session() const { return !sessions.empty(); }
  // What is kept free: whole kb/s, as the user plane counts.
  uint64_t uplink_bps() const { return direction == Direction::kDownlink ? 0 : kept_bps(); }
  uint64_t downlink_bps() const { return direction == Direction::kUplink ? 0 : kept_bps(); }

 private:
  uint64_t kept_bps() const { return (bps + 999) / 1000 * 1000; }
};

// A body that its schema has admitted. kInvalidArgument names the member: sessionFilter without or
// beside requestType 1, a filter without any address, one that takes more than single addresses and
// ports, or one that no packet can match.
Result<Allocation> allocation_from_json(const nlohmann::json& body);

// BwInfo as clients see it.
nlohmann::json bw_info(const std::string& allocation_id, const Allocation& allocation);

// BwInfo with BwInfoDeltas (§7.2.3) put over it: members that are given replace those that are.
// What is no member of BwInfoDeltas is ignored.
nlohmann::json with_deltas(nlohmann::json bw_info, const nlohmann::json& deltas);

// Whether they have a session in common, and a direction that both are about. Two that name one
// host each, and not the same, have none, though these hosts may talk to each other: each means the
// sessions of its own host.
bool share_a_session(const Allocation& a, const Allocation& b);

// The form in the store.
nlohmann::json to_json(const Allocation& allocation);
Result<Allocation> stored_allocation(const nlohmann::json& value);

}  // namespace sluice::bandwidth
