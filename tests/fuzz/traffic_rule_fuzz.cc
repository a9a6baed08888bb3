// Any bytes as a traffic or DNS rule: refused with a reason, or read, written back to the same rule
// and compiled within bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "traffic-rules/compile.h"
#include "traffic-rules/json.h"

using namespace sluice::traffic_rules;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_traffic_rule(const nlohmann::json& value) {
  const auto rule = traffic_rule_from_json(value);
  if (!rule) {
    require(!rule.error().message.empty());
    return;
  }
  const auto again = traffic_rule_from_json(to_json(*rule));
  require(again && *again == *rule);
  const auto compiled = compile("app/rule", 0, *rule);
  if (!compiled) return;
  require(compiled->uplink.size() <= kMaxBoxes);
  require(compiled->uplink.size() == compiled->downlink.size());
  // A filter that asks for something never compiles to a box that asks for nothing.
  const bool any = std::any_of(rule->traffic_filter.begin(), rule->traffic_filter.end(),
                               [](const auto& filter) { return filter == TrafficFilter{}; });
  for (const auto& box : compiled->uplink) require(any || box != MatchBox{});
}

void check_dns_rule(const nlohmann::json& value) {
  const auto rule = dns_rule_from_json(value);
  if (!rule) return;
  const auto again = dns_rule_from_json(to_json(*rule));
  require(again && *again == *rule);
  require(DomainName::parse(rule->domain_name.value.to_string()).value() ==
          rule->domain_name.value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return 0;
  check_traffic_rule(value);
  check_dns_rule(value);
  return 0;
}
