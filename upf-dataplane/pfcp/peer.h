// Where a datagram came from or goes to.
#pragma once

#include <compare>
#include <cstdint>

#include "base/net/ip_address.h"

namespace sluice::upf::pfcp {

struct Peer {
  IpAddress address;
  uint16_t port = 0;
  auto operator<=>(const Peer&) const = default;
};

}  // namespace sluice::upf::pfcp
