#include "bandwidth/allocation.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "traffic-rules/compile.h"
#include "traffic-rules/overlap.h"
#include "traffic-rules/protocol.h"

namespace sluice::bandwidth {
namespace {

using nlohmann::json;
using traffic_rules::IpRange;
using traffic_rules::MatchBox;
using traffic_rules::PortRange;
using traffic_rules::Spelled;
using traffic_rules::TrafficFilter;

constexpr int kOfApplication = 0;  // requestType
constexpr int kOfSession = 1;

const char* word_of(Direction direction) {
  switch (direction) {
    case Direction::kDownlink:
      return "00";
    case Direction::kUplink:
      return "01";
    case Direction::kSymmetrical:
      break;
  }
  return "10";
}

Direction direction_of(const std::string& word) {
  if (word == "00") return Direction::kDownlink;
  return word == "01" ? Direction::kUplink : Direction::kSymmetrical;
}

bool is_one(const IpRange& range) { return range.low == range.high; }
bool is_one(const PortRange& range) { return range.low == range.high; }
bool is_one(uint8_t /*protocol*/) { return true; }

// The one value of a member; MEC 015 V2.1.1 writes ports as lists.
template <typename T>
Result<void> read(const json& filter, const char* member, const std::string& path,
                  Result<T> (*parse)(std::string_view), std::vector<Spelled<T>>& out) {
  const auto found = filter.find(member);
  if (found == filter.end()) return {};
  const auto refuse = [&](const std::string& why) {
    return bad_field(fmt::format("{}.{}", path, member), "{}", why);
  };
  if (found->is_array() && found->size() != 1) {
    return refuse(fmt::format("lists {} values, a session has one", found->size()));
  }
  const auto& value = found->is_array() ? found->front() : *found;
  const auto& text = value.get_ref<const std::string&>();
  auto parsed = parse(text);
  if (!parsed) return refuse(parsed.error().message);
  if (!is_one(*parsed)) return refuse(fmt::format("'{}' is a range, a session has one", text));
  out.push_back({std::move(*parsed), text});
  return {};
}

// MEC 015 §7.2.2: what more than one session matches is rejected. One host is taken for a session:
// the app's side of it, or the user's.
Result<TrafficFilter> read_filter(const json& filter, const std::string& path) {
  TrafficFilter out;
  for (auto ok : {read(filter, "sourceIp", path, IpRange::parse, out.src_address),
                  read(filter, "dstAddress", path, IpRange::parse, out.dst_address),
                  read(filter, "sourcePort", path, PortRange::parse, out.src_port),
                  read(filter, "dstPort", path, PortRange::parse, out.dst_port),
                  read(filter, "protocol", path, traffic_rules::parse_protocol, out.protocol)}) {
    if (!ok) return std::unexpected(ok.error());
  }
  if (out.src_address.empty() && out.dst_address.empty()) {
    return bad_field(path, "names no session: sourceIp, dstAddress or both are needed");
  }
  return out;
}

// Whether both name an end, and the same one.
bool meet_as_written(const MatchBox& a, const MatchBox& b) {
  return ((a.src && b.src) || (a.dst && b.dst)) && traffic_rules::meets(a, b);
}

bool meet(const MatchBox& a, const MatchBox& b) {
  return meet_as_written(a, b) || meet_as_written(a, traffic_rules::mirrored(b));
}

TrafficFilter turned_round(TrafficFilter filter) {
  std::swap(filter.src_address, filter.dst_address);
  std::swap(filter.src_port, filter.dst_port);
  return filter;
}

// The one that a filter of single values makes.
Result<MatchBox> box_of(const TrafficFilter& filter, const std::string& path) {
  traffic_rules::TrafficRule rule;
  rule.traffic_filter = {filter};
  auto compiled = traffic_rules::compile(path, 0, rule);
  if (!compiled) return bad_field(path, "{}", compiled.error().message);
  if (!compiled->uplink.empty()) return std::move(compiled->uplink.front());
  return bad_field(path, "matches no packet: its members contradict each other");
}

Result<void> read_sessions(const json& body, Allocation& out) {
  const auto given = body.find("sessionFilter");
  const bool has_filters = given != body.end() && !given->empty();
  if (body.at("requestType") == kOfApplication) {
    if (!has_filters) return {};
    return bad_field("sessionFilter", "belongs to requestType {}", kOfSession);
  }
  if (!has_filters)
    return bad_field("sessionFilter", "is required with requestType {}", kOfSession);
  for (size_t i = 0; i < given->size(); ++i) {
    const auto path = fmt::format("sessionFilter[{}]", i);
    auto filter = read_filter((*given)[i], path);
    if (!filter) return std::unexpected(filter.error());
    auto box = box_of(*filter, path);
    if (!box) return std::unexpected(box.error());
    out.boxes.push_back(std::move(*box));
    for (const auto* ends : {&filter->src_address, &filter->dst_address}) {
      if (!ends->empty()) out.hosts.push_back(ends->front().value.low);
    }
    auto other = turned_round(*filter);
    if (other != *filter) out.sessions.push_back(std::move(other));
    out.sessions.push_back(std::move(*filter));
  }
  out.session_filter = PackedJson(*given);
  return {};
}

Result<uint64_t> read_rate(const std::string& text) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size() && out > 0) return out;
  return bad_field("fixedAllocation", "must be a whole number of bits per second above 0");
}

}  // namespace

Result<Allocation> allocation_from_json(const json& body) {
  Allocation out;
  out.app_instance_id = body.at("appInsId").get<std::string>();
  out.app_name = body.value("appName", "");
  out.direction = direction_of(body.at("allocationDirection").get<std::string>());
  out.has_priority = body.contains("fixedBWPriority");
  const auto rate = read_rate(body.at("fixedAllocation").get<std::string>());
  if (!rate) return std::unexpected(rate.error());
  out.bps = *rate;
  if (auto ok = read_sessions(body, out); !ok) return std::unexpected(ok.error());
  return out;
}

json bw_info(const std::string& allocation_id, const Allocation& allocation) {
  json out = {{"allocationId", allocation_id},
              {"timeStamp", notify::time_stamp(allocation.changed)},
              {"appInsId", allocation.app_instance_id},
              {"requestType", allocation.of_session() ? kOfSession : kOfApplication},
              {"fixedAllocation", std::to_string(allocation.bps)},
              {"allocationDirection", word_of(allocation.direction)}};
  if (!allocation.app_name.empty()) out["appName"] = allocation.app_name;
  if (allocation.has_priority) out["fixedBWPriority"] = "SEE_DESCRIPTION";
  if (allocation.of_session()) out["sessionFilter"] = allocation.session_filter.unpack();
  return out;
}

json with_deltas(json bw_info, const json& deltas) {
  for (const char* member : {"requestType", "sessionFilter", "fixedBWPriority", "fixedAllocation",
                             "allocationDirection"}) {
    if (const auto given = deltas.find(member); given != deltas.end()) bw_info[member] = *given;
  }
  if (bw_info["requestType"] == kOfApplication && !deltas.contains("sessionFilter")) {
    bw_info.erase("sessionFilter");
  }
  return bw_info;
}

bool share_a_session(const Allocation& a, const Allocation& b) {
  const bool up = a.uplink_bps() > 0 && b.uplink_bps() > 0;
  const bool down = a.downlink_bps() > 0 && b.downlink_bps() > 0;
  if (!up && !down) return false;
  return std::ranges::any_of(a.boxes, [&](const auto& box) {
    return std::ranges::any_of(b.boxes, [&](const auto& other) { return meet(box, other); });
  });
}

json to_json(const Allocation& allocation) {
  auto out = bw_info("", allocation);
  out["order"] = allocation.order;
  return out;
}

Result<Allocation> stored_allocation(const json& value) {
  try {
    auto out = allocation_from_json(value);
    if (!out) return out;
    const auto changed = notify::parse_time_stamp(value.at("timeStamp"), "timeStamp");
    if (!changed) return std::unexpected(changed.error());
    out->changed = *changed;
    out->order = value.at("order").get<uint64_t>();
    return out;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "not a bandwidth allocation: {}", e.what());
  }
}

}  // namespace sluice::bandwidth
