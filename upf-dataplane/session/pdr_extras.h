// What few PDRs have besides what a CompiledPdr holds: kept apart, so that the line that every
// packet loads stays one line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "upf-dataplane/packet/packet.h"
#include "upf-dataplane/session/packet_limit.h"
#include "upf-dataplane/steer/next_hop.h"

namespace sluice::upf {

// A copy of what a PDR detects, for a tunnel of its own (DUPL).
struct CompiledCopy {
  PortIndex out_port = 0;
  bool is_v6 = false;
  uint8_t tos = 0;
  uint32_t teid = 0;
  NextHopId hop = kNoNextHop;
  uint8_t peer[16] = {};  // IPv4 in the first four bytes
};

// Where packets go instead of where they were sent (Redirect Information): to an address of their
// family, or, with a response, nowhere: HTTP requests are answered with it.
struct CompiledRedirect {
  bool has_v4 = false;
  bool has_v6 = false;
  uint8_t v4[16] = {};  // mapped, as in a FlowKey
  uint8_t v6[16] = {};
  std::string response = {};  // an HTTP response, complete; empty: to the addresses

  bool has(bool is_v6) const { return is_v6 ? has_v6 : has_v4; }
  const uint8_t* address(bool is_v6) const { return is_v6 ? v6 : v4; }
};

// What becomes of packets that find a URR's quota used up.
struct QuotaAction {
  // Takes the place of the PDR that detected them; null: they are dropped.
  std::shared_ptr<const struct CompiledPdr> instead = {};
  // Replies to what was redirected pass, though, as the PDR says: otherwise nothing could be
  // redirected to.
  bool lets_replies_pass = false;
};

struct PdrExtras {
  std::vector<CompiledCopy> copies = {};
  uint16_t udp_port =
      0;  // the tunnel that it leads into is UDP/IP between these ports; 0: it is none
  std::optional<CompiledRedirect> redirect = {};
  std::vector<PacketLimit*> packet_limits = {};
  std::vector<QuotaAction> quota_actions = {};  // by usage meter of the PDR; empty: all drop
};

}  // namespace sluice::upf
