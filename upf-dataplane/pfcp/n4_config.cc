#include "upf-dataplane/pfcp/n4_config.h"

#include <algorithm>

namespace sluice::upf::pfcp {
namespace {

// So that the Created PDRs of a session, 33 to 41 bytes each, fit into one response.
constexpr size_t kMaxPdrs = 1000;

Result<void> check_limits(const N4Limits& limits) {
  if (limits.pdrs_per_session > kMaxPdrs) {
    return bad_field("limits.pdrs_per_session", "at most {}, got {}", kMaxPdrs,
                     limits.pdrs_per_session);
  }
  const size_t smallest =
      std::min({limits.associations, limits.sessions_per_association, limits.pdrs_per_session,
                limits.fars_per_session, limits.qers_per_session, limits.urrs_per_session,
                limits.bars_per_session, limits.pending_reports, limits.sdf_filters_per_pdr});
  if (smallest == 0) return bad_field("limits", "every limit is at least 1");
  return {};
}

}  // namespace

Result<void> check(const N4Config& config) {
  if (config.listen == IpAddress() || config.listen == IpAddress(Ipv4Address())) {
    return bad_field("listen", "has to be a specific address: it goes into F-SEIDs");
  }
  if (!config.node_id.address && config.node_id.fqdn.empty()) {
    return bad_field("node_id", "needs an address or a name");
  }
  const auto has_address = [](const GtpEndpoint& e) { return e.v4 || e.v6; };
  if (config.gtp_endpoints.empty() || !std::ranges::all_of(config.gtp_endpoints, has_address)) {
    return bad_field("gtp_endpoints", "needs at least one, each with an address");
  }
  const auto shortest = std::min({config.heartbeat_interval, config.retransmit_interval,
                                  config.lost_peer_grace, config.response_lifetime});
  if (shortest.count() <= 0 || config.retransmit_count == 0) {
    return bad_field("heartbeat_interval", "intervals and counts have to be positive");
  }
  if (auto pools = check(config.ue_pools); !pools) return pools;
  return check_limits(config.limits);
}

}  // namespace sluice::upf::pfcp
