// What operators ask of a running UPF, read from JSON with every mistake named.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "upf-dataplane/packet/frame_filter.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

// A packet of a user as an operator describes it.
struct PacketQuestion {
  bool uplink = true;
  IpAddress ue = {};
  IpAddress remote = {};
  uint8_t protocol = 6;
  uint16_t ue_port = 0;
  uint16_t remote_port = 0;
  uint8_t tos = 0;
  std::optional<uint8_t> qfi = {};        // uplink
  std::optional<uint32_t> teid = {};      // uplink; without: that of the session's first uplink PDR
  std::optional<PortIndex> in_port = {};  // without: the first of N3, or of N6
};

struct CaptureLimits {
  uint64_t packets = 10'000;
  uint64_t bytes = 64 << 20;  // of the stream
  uint64_t seconds = 60;
  uint32_t snap_length = 2048;  // bytes kept of a frame
};

struct CaptureQuestion {
  FrameFilter filter;
  CaptureLimits limits;
};

// {"ue", "remote", "direction", "protocol", "uePort", "remotePort", "tos", "qfi", "teid", "port"}:
// the first two are needed.
Result<PacketQuestion> read_packet_question(const nlohmann::json& from,
                                            const std::vector<Port>& ports);

// {"ports": [names], "direction", "address", "teid", "protocol", "l4Port", "packets", "bytes",
// "seconds", "snapLength"}: none is needed.
Result<CaptureQuestion> read_capture_question(const nlohmann::json& from,
                                              const std::vector<Port>& ports);

// A whole frame as hexadecimal digits, with or without white space and colons.
Result<std::vector<uint8_t>> read_hex(const std::string& text);

// The index of a port by its name; an error that names those there are.
Result<PortIndex> find_port(const std::string& name, const std::vector<Port>& ports);

}  // namespace sluice::upf
