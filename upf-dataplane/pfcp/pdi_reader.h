// Where a PDR's packets come from: the elements of a PDI (TS 29.244 §7.5.2.2-2) that a traffic
// endpoint (§7.5.2.7) may give in its place.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/rule_reader.h"

namespace sluice::upf::pfcp {

enum class Choosing : bool { kForbidden, kAllowed };

// Reads F-TEID, Network Instance, UE addresses and framed routes; what is there replaces what is in
// `origin`. `pools` are those to choose UE addresses from. What is wrong is left in `in`.
Chosen read_origin(GroupReader& in, TrafficEndpoint& origin, const PdrContext& context,
                   Choosing choosing, const std::vector<std::string>& pools = {});

// Makes the PDR's packets come from there.
void apply(const TrafficEndpoint& origin, Pdr& pdr);

struct NewEndpoint {
  uint8_t id = 0;
  TrafficEndpoint endpoint;
  Chosen chosen;
};
ReadRule<NewEndpoint> read_create_endpoint(const Ie& group, const PdrContext& context);
// What the group does not mention stays as in `current`.
ReadRule<TrafficEndpoint> read_update_endpoint(const Ie& group, const TrafficEndpoint& current,
                                               const PdrContext& context);

}  // namespace sluice::upf::pfcp
