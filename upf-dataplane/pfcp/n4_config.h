// What an operator decides about N4. Defaults suit one site and a handful of SMFs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/net/ip_address.h"
#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/ue_address_pools.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// Addresses of this UPF that F-TEIDs may name; v4, v6 or both.
struct GtpEndpoint {
  std::string network_instance = {};  // only for PDRs of this one; empty: for all others
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
};

struct N4Limits {
  size_t associations = 64;
  size_t sessions_per_association = 1'000'000;
  size_t pdrs_per_session = 64;
  size_t fars_per_session = 64;
  size_t qers_per_session = 64;
  size_t urrs_per_session = 64;
  size_t bars_per_session = 4;
  size_t sdf_filters_per_pdr = 16;
  size_t framed_routes_per_session = 32;
  size_t cached_responses = 65'536;
  size_t pending_reports = 65'536;
};

struct N4Config {
  IpAddress listen;       // also the address in our F-SEIDs, so it has to be specific
  uint16_t port = kPort;  // 0: any free one
  NodeId node_id;
  std::vector<GtpEndpoint> gtp_endpoints;  // in order of preference
  std::vector<UeAddressPoolConfig> ue_pools;

  // Where requests of ours go on a peer (TS 29.244 §4.4.2 says 8805); 0: to the port that its
  // Association Setup Request came from, for SMFs that do not listen on 8805.
  uint16_t peer_port = kPort;

  // A peer not heard from for `heartbeat_interval` is probed: T1 apart, N1 times (§6.4).
  std::chrono::milliseconds heartbeat_interval{10'000};
  std::chrono::milliseconds retransmit_interval{3'000};  // T1
  unsigned retransmit_count = 3;                         // N1, the first attempt included
  // How long the sessions of a peer that does not answer keep forwarding, in the hope that only
  // N4 is broken; then they are removed with the association.
  std::chrono::milliseconds lost_peer_grace{600'000};
  // How long a response may be asked for again; above a peer's own N1 times T1.
  std::chrono::milliseconds response_lifetime{30'000};

  N4Limits limits;
};

// What makes a configuration unusable, naming the member: no specific listen address, no node id,
// no GTP endpoint, intervals or limits of zero, or more PDRs a session than a response can list.
Result<void> check(const N4Config& config);

}  // namespace sluice::upf::pfcp
