// What N4 has seen, for metrics. Only ever grows.
#pragma once

#include <array>
#include <cstdint>

#include "upf-dataplane/pfcp/cause.h"
#include "upf-dataplane/pfcp/message_type.h"

namespace sluice::upf::pfcp {

struct N4Counters {
  std::array<uint64_t, 256> received{};   // by message type
  std::array<uint64_t, 256> sent{};       // by message type
  std::array<uint64_t, 256> responses{};  // by cause, of ours; heartbeats have none

  uint64_t malformed = 0;            // discarded: no usable header
  uint64_t unexpected = 0;           // discarded: unknown type, or a response nobody waits for
  uint64_t version_unsupported = 0;  // answered so
  uint64_t retransmissions = 0;      // requests answered from the cache

  uint64_t heartbeats_repeated = 0;
  uint64_t reports_repeated = 0;
  uint64_t reports_lost = 0;  // too many waited for an answer, or too long for a message
  uint64_t peers_lost = 0;
  uint64_t peers_recovered = 0;
  uint64_t sessions_purged = 0;    // removed because their SMF restarted, released or stayed away
  uint64_t sessions_replaced = 0;  // removed because their SMF gave their UE's address to another

  static size_t index(MessageType type) { return static_cast<size_t>(type); }
  static size_t index(Cause cause) { return static_cast<size_t>(cause); }
};

}  // namespace sluice::upf::pfcp
