#include <nlohmann/json.hpp>

#include "mep/app-enablement/rule_freedom.h"
#include "traffic-rules/json_fields.h"
#include "traffic-rules/words.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::Action;
using traffic_rules::IpRange;
using traffic_rules::JsonFields;
using traffic_rules::JsonProblem;

constexpr size_t kMaxActions = 8;

// {"lowest": 0, "highest": 9}, both required.
template <typename T>
std::optional<Bounds<T>> read_bounds(JsonFields& fields, const char* member, int64_t most,
                                     JsonProblem& problem) {
  const auto* value = fields.find(member);
  if (value == nullptr) return std::nullopt;
  JsonFields inner(*value, fields.path_of(member), problem);
  const Bounds<T> out{static_cast<T>(inner.integer("lowest", 0, most)),
                      static_cast<T>(inner.integer("highest", 0, most))};
  if (out.lowest > out.highest) inner.fail("lowest", "is above highest");
  inner.refuse_unknown();
  return out;
}

AddressBounds read_addresses(JsonFields& fields, const char* member, JsonProblem& problem) {
  AddressBounds out;
  for (const auto& element : fields.list(member, traffic_rules::kMaxValues)) {
    if (!element.value->is_string()) {
      problem.add(element.path, "must be a string");
      continue;
    }
    const auto text = element.value->get<std::string>();
    auto range = IpRange::parse(text);
    if (range) {
      out.push_back({*range, text});
    } else {
      problem.add(element.path, range.error().message);
    }
  }
  return out;
}

std::vector<Action> read_actions(JsonFields& fields, JsonProblem& problem) {
  std::vector<Action> out;
  for (const auto& element : fields.list("actions", kMaxActions)) {
    bool known = false;
    for (const auto& entry : traffic_rules::words(Action{})) {
      if (*element.value != entry.word) continue;
      out.push_back(entry.value);
      known = true;
      break;
    }
    if (!known) problem.add(element.path, "is not an action");
  }
  return out;
}

template <typename T>
json bounds_json(const Bounds<T>& bounds) {
  return {{"lowest", bounds.lowest}, {"highest", bounds.highest}};
}

json addresses_json(const AddressBounds& bounds) {
  auto out = json::array();
  for (const auto& item : bounds) out.push_back(item.text);
  return out;
}

}  // namespace

Result<TrafficRuleFreedom> traffic_rule_freedom_from_json(const json& value,
                                                          const std::string& path) {
  JsonProblem problem;
  JsonFields fields(value, path, problem);
  TrafficRuleFreedom out;
  fields.find("trafficRuleId");  // the caller's
  out.narrower_filter = fields.optional_flag("narrowerFilter").value_or(false);
  out.priority = read_bounds<uint8_t>(fields, "priority", 255, problem);
  out.actions = read_actions(fields, problem);
  out.destinations = read_addresses(fields, "dstIpAddresses", problem);
  fields.refuse_unknown();
  return problem.result(std::move(out));
}

Result<DnsRuleFreedom> dns_rule_freedom_from_json(const json& value, const std::string& path) {
  JsonProblem problem;
  JsonFields fields(value, path, problem);
  DnsRuleFreedom out;
  fields.find("dnsRuleId");  // the caller's
  out.addresses = read_addresses(fields, "ipAddresses", problem);
  out.ttl_s = read_bounds<uint32_t>(fields, "ttl", traffic_rules::kMaxTtlS, problem);
  fields.refuse_unknown();
  return problem.result(std::move(out));
}

json to_json(const TrafficRuleFreedom& freedom) {
  auto out = json::object();
  if (freedom.narrower_filter) out["narrowerFilter"] = true;
  if (freedom.priority) out["priority"] = bounds_json(*freedom.priority);
  for (const auto action : freedom.actions) {
    out["actions"].push_back(traffic_rules::to_string(action));
  }
  if (!freedom.destinations.empty()) out["dstIpAddresses"] = addresses_json(freedom.destinations);
  return out;
}

json to_json(const DnsRuleFreedom& freedom) {
  auto out = json::object();
  if (!freedom.addresses.empty()) out["ipAddresses"] = addresses_json(freedom.addresses);
  if (freedom.ttl_s) out["ttl"] = bounds_json(*freedom.ttl_s);
  return out;
}

}  // namespace sluice::mep
