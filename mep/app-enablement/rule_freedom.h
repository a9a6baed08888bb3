// What an app may change of a rule besides its state: what the operator declares for the rule on
// Mm5 (TrafficRuleFreedom and DnsRuleFreedom of api-specs/mm5.yaml). The default is nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"

namespace sluice::mep {

template <typename T>
struct Bounds {  // inclusive
  T lowest{};
  T highest{};
  bool contains(T value) const { return lowest <= value && value <= highest; }
  bool operator==(const Bounds&) const = default;
};

using AddressBounds = std::vector<traffic_rules::Spelled<traffic_rules::IpRange>>;

struct TrafficRuleFreedom {
  // A filter that matches no packet which the declared one does not match.
  bool narrower_filter = false;
  std::optional<Bounds<uint8_t>> priority;
  std::vector<traffic_rules::Action> actions;  // besides the declared one
  AddressBounds destinations;                  // of interfaces of type IP
  bool operator==(const TrafficRuleFreedom&) const = default;
};

struct DnsRuleFreedom {
  AddressBounds addresses;  // of either family
  std::optional<Bounds<uint32_t>> ttl_s;
  bool operator==(const DnsRuleFreedom&) const = default;
};

template <typename Rule>
struct FreedomOf;
template <>
struct FreedomOf<traffic_rules::TrafficRule> {
  using Type = TrafficRuleFreedom;
};
template <>
struct FreedomOf<traffic_rules::DnsRule> {
  using Type = DnsRuleFreedom;
};
template <typename Rule>
using Freedom = typename FreedomOf<Rule>::Type;

// Whether the app may make the rule this one: kPermissionDenied naming the first member that is
// neither as declared nor within the freedom. The state is always free; whether one destination
// stands in a list is no difference.
Result<void> check_change(const traffic_rules::TrafficRule& declared,
                          const TrafficRuleFreedom& freedom, traffic_rules::TrafficRule wanted);
Result<void> check_change(const traffic_rules::DnsRule& declared, const DnsRuleFreedom& freedom,
                          traffic_rules::DnsRule wanted);

// Reading names the wrong member; `path` is put in front of it. The id of the rule is the caller's.
Result<TrafficRuleFreedom> traffic_rule_freedom_from_json(const nlohmann::json& json,
                                                          const std::string& path = {});
Result<DnsRuleFreedom> dns_rule_freedom_from_json(const nlohmann::json& json,
                                                  const std::string& path = {});
nlohmann::json to_json(const TrafficRuleFreedom& freedom);
nlohmann::json to_json(const DnsRuleFreedom& freedom);

}  // namespace sluice::mep
