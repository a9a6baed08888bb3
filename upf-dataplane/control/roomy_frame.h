// A copy of a frame with room around it for what a pipeline puts there.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

class RoomyFrame {
 public:
  static constexpr uint16_t kHeadroom = 192;   // for the tunnel's headers, or an error's
  static constexpr uint16_t kTailroom = 1024;  // for an answer's

  RoomyFrame(PortIndex port, std::span<const uint8_t> frame)
      : buffer_(kHeadroom + frame.size() + kTailroom),
        packet_{.data = buffer_.data() + kHeadroom,
                .length = static_cast<uint32_t>(frame.size()),
                .headroom = kHeadroom,
                .tailroom = kTailroom,
                .in_port = port} {
    std::ranges::copy(frame, buffer_.begin() + kHeadroom);
  }
  RoomyFrame(const RoomyFrame&) = delete;
  RoomyFrame& operator=(const RoomyFrame&) = delete;

  Packet& packet() { return packet_; }

 private:
  std::vector<uint8_t> buffer_;
  Packet packet_;
};

}  // namespace sluice::upf
