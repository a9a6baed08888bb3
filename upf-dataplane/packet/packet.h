// One frame on its way through a worker: where its bytes are and what was decided about it. Knows
// nothing of DPDK; the worker fills it from an mbuf and applies it back.
#pragma once

#include <cstdint>
#include <span>

#include "upf-dataplane/packet/drop_reason.h"

namespace sluice::upf {

// Index of a port in the configuration's order.
using PortIndex = uint8_t;
inline constexpr size_t kMaxPorts = 16;

enum class Verdict : uint8_t {
  kPending,      // not decided yet
  kSend,         // out of `out_port`
  kDrop,         // counted under `drop`
  kPuntLearn,    // to the control thread as it came: an address to learn (ARP, ND)
  kHold,         // to the control thread, which buffers it for the session in `slot`
  kPuntResolve,  // to the control thread, which finds the next hop by `out_port` and sends it
  kException,    // to the control thread, which treats it as its `exception` says
};

// What takes more than a worker has: memory, or time.
enum class Exception : uint8_t {
  kOuterFragment,   // as it came: part of a tunnelled packet to an own address
  kInnerFragment,   // as it came: part of a user's packet, whose ports a decision needs
  kTooLong,         // ready to be sent by `out_port`, but to be cut in fragments before
  kGtpuSignalling,  // as it came: a GTP-U message that is no G-PDU
};

struct Packet {
  uint8_t* data = nullptr;  // the frame's first byte
  uint32_t length = 0;
  uint16_t headroom = 0;  // bytes before `data` that belong to the buffer
  uint16_t tailroom = 0;  // bytes behind the frame that belong to the buffer
  PortIndex in_port = 0;
  PortIndex out_port = 0;
  Verdict verdict = Verdict::kPending;
  DropReason drop = DropReason::kMalformedFrame;
  bool guaranteed = false;  // within a guaranteed rate: does not wait where a port is busy
  Exception exception = Exception::kOuterFragment;  // with kException
  // With kHold the id of the PDR that detected it; with kException where the user's packet begins.
  uint16_t pdr = 0;
  uint32_t slot = 0;  // of a user's packet, its session's

  std::span<const uint8_t> bytes() const { return {data, length}; }

  // Makes room for `n` bytes in front; false (unchanged) when the buffer has none.
  bool prepend(uint16_t n) {
    if (headroom < n) return false;
    headroom = static_cast<uint16_t>(headroom - n);
    data -= n;
    length += n;
    return true;
  }
  // Forgets the first `n` bytes; n <= length.
  void trim_front(uint16_t n) {
    headroom = static_cast<uint16_t>(headroom + n);
    data += n;
    length -= n;
  }
  bool append(uint16_t n) {
    if (tailroom < n) return false;
    tailroom = static_cast<uint16_t>(tailroom - n);
    length += n;
    return true;
  }
  // Cuts the frame to `n` bytes; n <= length.
  void truncate(uint32_t n) {
    tailroom = static_cast<uint16_t>(tailroom + (length - n));
    length = n;
  }

  void send_to(PortIndex port) {
    out_port = port;
    verdict = Verdict::kSend;
  }
  void drop_for(DropReason reason) {
    drop = reason;
    verdict = Verdict::kDrop;
  }
  void hold_for(uint32_t session_slot, uint16_t pdr_id) {
    slot = session_slot;
    pdr = pdr_id;
    verdict = Verdict::kHold;
  }
  void except_for(Exception what, uint16_t inner_offset, uint32_t session_slot = 0) {
    exception = what;
    pdr = inner_offset;
    slot = session_slot;
    verdict = Verdict::kException;
  }
  void punt_to_learn() { verdict = Verdict::kPuntLearn; }
  void punt_to_resolve(PortIndex port) {
    out_port = port;
    verdict = Verdict::kPuntResolve;
  }
};

}  // namespace sluice::upf
