// The values that tell where a UE's packets come from and go to, besides those in values.h: pools,
// traffic endpoints, framed routes.
#pragma once

#include <cstdint>
#include <string>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

struct TrafficEndpointId {  // §8.2.92
  uint8_t value = 0;
};
struct UeIpAddressPoolIdentity {  // §8.2.128
  std::string name = {};
};
// §8.2.109 and §8.2.111: RADIUS attributes (RFC 2865 §5.22, RFC 3162 §2.5), "prefix/bits gateway
// metrics". Who routes to a UE needs neither gateway nor metrics. An IPv4 prefix without its length
// has that of its class.
struct FramedRoute {
  IpPrefix prefix;
};
struct FramedIpv6Route {
  IpPrefix prefix;
};
struct FramedRouting {  // §8.2.110: whether routing protocols are spoken; none is here
  uint32_t value = 0;
};
// §8.2.156: which IP versions a pool has.
struct IpVersion {
  bool v4 = false;
  bool v6 = false;
};

PFCP_CODEC(TrafficEndpointId, kTrafficEndpointId)
PFCP_CODEC(UeIpAddressPoolIdentity, kUeIpAddressPoolIdentity)
PFCP_CODEC(FramedRoute, kFramedRoute)
PFCP_CODEC(FramedIpv6Route, kFramedIPv6Route)
PFCP_CODEC(FramedRouting, kFramedRouting)
PFCP_CODEC(IpVersion, kIpVersion)

}  // namespace sluice::upf::pfcp
