#include "upf-dataplane/control/rule_support.h"

namespace sluice::upf {
namespace {

using traffic_rules::Action;

bool has_tunnel_condition(const traffic_rules::TrafficFilter& filter) {
  return !filter.src_tunnel_address.empty() || !filter.tgt_tunnel_address.empty() ||
         !filter.src_tunnel_port.empty() || !filter.dst_tunnel_port.empty();
}

}  // namespace

Result<SteeringAction> supported_action(Action action) {
  switch (action) {
    case Action::kDrop:
      return SteeringAction::kDrop;
    case Action::kForwardDecapsulated:
      return SteeringAction::kForwardDecapsulated;
    case Action::kPassthrough:
      return SteeringAction::kPassthrough;
    case Action::kForwardEncapsulated:
    case Action::kDuplicateDecapsulated:
    case Action::kDuplicateEncapsulated:
      break;
  }
  return std::unexpected(Error{ErrorCode::kUnsupported,
                               fmt::format("this user plane does not do {}", to_string(action)),
                               "action"});
}

std::vector<std::string> supported_filters() {
  return {"srcAddress", "dstAddress", "srcPort", "dstPort", "protocol", "qCI", "dSCP", "tC"};
}

Result<void> check_filters(const traffic_rules::TrafficRule& rule) {
  for (size_t i = 0; i < rule.traffic_filter.size(); ++i) {
    const auto& filter = rule.traffic_filter[i];
    const auto at = fmt::format("trafficFilter[{}]", i);
    if (has_tunnel_condition(filter)) {
      return std::unexpected(Error{ErrorCode::kUnsupported,
                                   "this user plane does not compare tunnel addresses and ports",
                                   at});
    }
    if (!filter.tag.empty()) {
      return std::unexpected(
          Error{ErrorCode::kUnsupported, "this user plane knows no users by tag", at + ".tag"});
    }
  }
  return {};
}

}  // namespace sluice::upf
