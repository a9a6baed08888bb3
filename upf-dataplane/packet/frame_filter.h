// Which frames an operator wants to see: conditions on the frame, its outer headers and, in a
// GTP-U tunnel, the user's packet.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// All conditions that are set must hold. Immutable while workers use it.
struct FrameFilter {
  uint16_t ports = 0xffff;               // bit p: frames of port p
  bool received = true;                  // frames that came
  bool sent = true;                      // frames that leave
  std::optional<IpPrefix> address = {};  // either end's, of the outer or the inner packet
  std::optional<uint32_t> teid = {};     // of the tunnel
  std::optional<uint8_t> protocol = {};  // of the outer or the inner packet
  std::optional<uint16_t> l4_port = {};  // either end's, of the outer or the inner packet

  bool matches(PortIndex port, bool is_received, std::span<const uint8_t> frame) const;

 private:
  bool wants_headers() const { return address || teid || protocol || l4_port; }
};

}  // namespace sluice::upf
