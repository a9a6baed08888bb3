// A frame that a worker hands over because it takes memory or time that a worker does not have.
#pragma once

#include <cstdint>
#include <span>

#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

struct ExceptionFrame {
  Exception kind = Exception::kOuterFragment;
  PortIndex in_port = 0;
  PortIndex out_port = 0;     // of kTooLong
  uint16_t inner_offset = 0;  // where the user's packet, or of signalling the message, begins
  uint32_t slot = 0;          // of kInnerFragment: its session's
  std::span<const uint8_t> bytes = {};
};

}  // namespace sluice::upf
