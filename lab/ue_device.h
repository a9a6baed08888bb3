// The TUN device that makes an unmodified program the user of a simulated UE.
#pragma once

#include <string>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "base/unique_fd.h"

namespace sluice::lab {

struct UeDevice {
  std::string netns;            // empty: this process's own
  std::string name = "uesim0";  // at most 15 characters
  Ipv4Address v4;               // given as /32
  IpPrefix v6;                  // an address with its /64
  int mtu = 1400;               // octets; leaves room for GTP-U, UDP and outer IPv6
};

// Creates and configures the device: up, addressed, default routes for both families through it.
// The device exists as long as the returned non-blocking descriptor; each read() and write() is one
// IP packet without any further header. Needs CAP_NET_ADMIN.
Result<UniqueFd> open_ue_device(const UeDevice& device);

}  // namespace sluice::lab
