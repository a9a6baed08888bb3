#include "mep/app-enablement/rule_freedom.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "mep/app-enablement/filter_containment.h"
#include "traffic-rules/json.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::DnsRule;
using traffic_rules::InterfaceType;
using traffic_rules::TrafficRule;

std::unexpected<Error> not_free(std::string member, std::string message) {
  return std::unexpected(
      Error{ErrorCode::kPermissionDenied, std::move(message), std::move(member)});
}

// The first member besides the state that differs, or "".
std::string differing_member(const json& a, const json& b) {
  for (const auto& [object, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    for (const auto& [member, value] : object->items()) {
      if (member != "state" && (!other->contains(member) || (*other)[member] != value)) {
        return member;
      }
    }
  }
  return {};
}

bool within(const AddressBounds& bounds, const IpAddress& address) {
  return std::ranges::any_of(bounds, [&](const auto& b) { return b.value.contains(address); });
}

template <typename T>
std::string range_text(const Bounds<T>& bounds) {
  return fmt::format("{} to {}", bounds.lowest, bounds.highest);
}

// Every destination that differs from the declared one is an IP interface within the bounds. An
// action that takes fewer may leave some out.
Result<void> check_destinations(const TrafficRule& declared, const AddressBounds& bounds,
                                const TrafficRule& wanted) {
  for (size_t i = 0; i < wanted.dst_interface.size(); ++i) {
    const auto& given = wanted.dst_interface[i];
    if (std::ranges::find(declared.dst_interface, given) != declared.dst_interface.end()) continue;
    if (given.interface_type != InterfaceType::kIp || !given.dst_ip_address ||
        !within(bounds, given.dst_ip_address->value)) {
      return not_free("dstInterface", "is neither a declared one nor within dstIpAddresses");
    }
  }
  return {};
}

// Whatever is left after the free members were checked must be as declared.
template <typename Rule>
Result<void> check_rest(const Rule& declared, const Rule& wanted) {
  const auto member = differing_member(to_json(declared), to_json(wanted));
  if (member.empty()) return {};
  return not_free(member, "differs from what the app's package declares and is not free to change");
}

}  // namespace

Result<void> check_change(const TrafficRule& declared, const TrafficRuleFreedom& freedom,
                          TrafficRule wanted) {
  wanted.dst_interface_is_list = declared.dst_interface_is_list;
  if (wanted == declared) return {};
  if (freedom.priority && wanted.priority != declared.priority) {
    if (!freedom.priority->contains(wanted.priority)) {
      return not_free("priority", "may be " + range_text(*freedom.priority));
    }
    wanted.priority = declared.priority;
  }
  if (freedom.narrower_filter && wanted.traffic_filter != declared.traffic_filter) {
    auto inside = check_contained(declared.traffic_filter, wanted.traffic_filter);
    if (!inside) return inside;
    wanted.traffic_filter = declared.traffic_filter;
  }
  const bool other_action = wanted.action != declared.action;
  if (!freedom.actions.empty() && other_action) {
    if (std::ranges::find(freedom.actions, wanted.action) == freedom.actions.end()) {
      return not_free("action", "is not one of those that the app may choose");
    }
    wanted.action = declared.action;
  }
  // Another action takes another number of destinations, so that a choice of actions implies which
  // of the declared ones are used.
  const bool free_destination =
      !freedom.destinations.empty() || (other_action && wanted.action == declared.action);
  if (free_destination && wanted.dst_interface != declared.dst_interface) {
    if (auto ok = check_destinations(declared, freedom.destinations, wanted); !ok) return ok;
    wanted.dst_interface = declared.dst_interface;
  }
  return check_rest(declared, wanted);
}

Result<void> check_change(const DnsRule& declared, const DnsRuleFreedom& freedom, DnsRule wanted) {
  if (!freedom.addresses.empty() && wanted.ip_address.value != declared.ip_address.value) {
    if (!within(freedom.addresses, wanted.ip_address.value)) {
      return not_free("ipAddress", fmt::format("'{}' is not within the addresses that are free",
                                               wanted.ip_address.text));
    }
    wanted.ip_address = declared.ip_address;
    wanted.ip_address_type = declared.ip_address_type;
  }
  if (freedom.ttl_s && wanted.ttl_s && wanted.ttl_s != declared.ttl_s) {
    if (!freedom.ttl_s->contains(*wanted.ttl_s)) {
      return not_free("ttl", "may be " + range_text(*freedom.ttl_s));
    }
    wanted.ttl_s = declared.ttl_s;
  }
  return check_rest(declared, wanted);
}

}  // namespace sluice::mep
