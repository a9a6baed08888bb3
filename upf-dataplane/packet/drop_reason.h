// Why a packet was dropped: every packet is sent, answered, handed to the control thread, or
// counted under one of these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::upf {

enum class DropReason : uint8_t {
  kMalformedFrame,       // shorter than its headers, or an unknown version
  kMalformedGtpu,        // not GTP-U version 1, cut short, bad extension headers
  kMalformedInner,       // the user's packet is not a whole IP packet
  kUnsupportedProtocol,  // an Ethernet type or GTP-U message that no one here takes
  kNotForUs,             // another host's frame, or a destination that no session or port has
  kUnknownTunnel,        // no session has the TEID
  kUnknownUe,            // no session has the destination address
  kNoPdr,                // the session has no PDR that matches (spoofed source, wrong QFI, SDF)
  kGateClosed,           // a QER closes the gate
  kFarDrop,              // the FAR says DROP
  kRateExceeded,         // beyond the MBR of a QER
  kQuotaExhausted,       // a URR's quota is used up, or no longer valid
  kBufferFull,           // of what a session or all of them may have buffered, the oldest
  kBufferDropped,        // buffered, and the SMF or the end of its session let it go
  kRuleDrop,             // a MEC traffic rule says DROP
  kNotForwardable,       // to a group, a link-local address or no host
  kRedirected,  // of what the SMF redirects, what has no way there: see pipeline_redirect.cc
  kHopLimit,    // no hop left
  kNoNextHop,   // no route, or the neighbour has not answered
  kTooBig,      // exceeds the MTU of the port it would leave by
  kFragmentIncomplete,  // a fragment whose others did not come in time, or overlap
  kFragmentNoRoom,      // a fragment beyond what may wait for others
  kNoRoom,              // no buffer, or not enough headroom for the outer header
  kTxFull,              // the port did not take it
  kPortBusy,            // beyond the port's configured capacity
  kPuntFull,            // the control thread is behind
  kCount,
};

inline constexpr size_t kDropReasons = static_cast<size_t>(DropReason::kCount);

// The name under which metrics show it.
constexpr std::string_view to_string(DropReason reason) {
  constexpr std::array<std::string_view, kDropReasons> kNames = {
      "malformed_frame",     "malformed_gtpu",   "malformed_inner", "unsupported_protocol",
      "not_for_us",          "unknown_tunnel",   "unknown_ue",      "no_pdr",
      "gate_closed",         "far_drop",         "rate_exceeded",   "quota_exhausted",
      "buffer_full",         "buffer_dropped",   "rule_drop",       "not_forwardable",
      "redirected",          "hop_limit",        "no_next_hop",     "too_big",
      "fragment_incomplete", "fragment_no_room", "no_room",         "tx_full",
      "port_busy",           "punt_full"};
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace sluice::upf
