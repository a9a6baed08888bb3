// Where a pipeline gets room for copies of packets.
#pragma once

#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

class CopyRoom {
 public:
  virtual ~CopyRoom() = default;

  // A packet of its own with the bytes of `from`, its ports, no verdict, and at least kHeadroom
  // bytes in front; null when there is no room. It is the owner's again when process() returns,
  // who then does what its verdict says.
  virtual Packet* copy(const Packet& from) = 0;

  // For a tunnel over IPv6 in another, with Ethernet.
  static constexpr uint16_t kHeadroom = 192;
};

}  // namespace sluice::upf
