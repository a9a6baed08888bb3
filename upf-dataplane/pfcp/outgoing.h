// A datagram to send.
#pragma once

#include <cstdint>
#include <vector>

#include "upf-dataplane/pfcp/peer.h"

namespace sluice::upf::pfcp {

struct Outgoing {
  Peer to;
  std::vector<uint8_t> bytes;
};

}  // namespace sluice::upf::pfcp
