#include <algorithm>
#include <utility>

#include "mep/provisioning/handlers.h"

namespace sluice::mep {
namespace {

// What the user plane that is connected cannot hold would be refused by it as a whole, later, when
// nobody waits for the answer. One that announces no bound has none.
Result<void> check_user_plane(const RuleReports::Link& link, size_t traffic, size_t dns) {
  const auto [max_traffic, max_dns] =
      std::pair(link.features.max_rules, link.features.max_dns_rules);
  if (!link.connected || max_traffic == 0) return {};
  const size_t both = std::max(max_traffic, max_dns);
  if (traffic <= max_traffic && dns <= max_dns && traffic + dns <= both) return {};
  return fail(ErrorCode::kResourceExhausted,
              "the user plane holds {} traffic rules and {} DNS rules at most, together {}; these "
              "make {} and {}",
              max_traffic, max_dns, both, traffic, dns);
}

}  // namespace

Result<void> check_site(const ProvisioningContext& context, const State& state) {
  const auto& limits = context.limits;
  if (state.apps().size() > limits.app_instances) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} app instances at most",
                limits.app_instances);
  }
  const size_t traffic = state.rules<traffic_rules::TrafficRule>().size();
  const size_t dns = state.rules<traffic_rules::DnsRule>().size();
  if (traffic + dns > limits.rules) {
    return fail(ErrorCode::kResourceExhausted, "the site takes {} rules at most, these make {}",
                limits.rules, traffic + dns);
  }
  if (auto ok = check_user_plane(context.rule_status.link(), traffic, dns); !ok) return ok;
  const auto cost = context.costs.of(state);
  if (cost.mp2_bytes > limits.mp2_bytes) {
    return fail(ErrorCode::kResourceExhausted,
                "all rules of the site may have {} bytes on Mp2, these make {}", limits.mp2_bytes,
                cost.mp2_bytes);
  }
  if (cost.boxes > limits.boxes) {
    return fail(ErrorCode::kResourceExhausted,
                "the filters of the site may make {} match conditions, these make {}", limits.boxes,
                cost.boxes);
  }
  return {};
}

}  // namespace sluice::mep
