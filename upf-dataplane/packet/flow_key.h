// What classification sees of a user's packet, laid out to be compared, hashed and masked fast.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {

// Which way a packet runs, as steering distinguishes it.
enum class Direction : uint8_t {
  kUplink = 0,         // from the UE
  kDownlinkCore = 1,   // to the UE, from the data network behind N6 (or N9)
  kDownlinkLocal = 2,  // to the UE, from a local app
};

// 48 bytes without padding. IPv4 addresses are mapped (::ffff:a.b.c.d), so that both families are
// looked up alike.
struct alignas(16) FlowKey {
  uint8_t source[16];
  uint8_t destination[16];
  uint16_t source_port;  // host order; 0 when has_ports is not set
  uint16_t destination_port;
  uint8_t protocol;          // the upper-layer protocol behind IPv6 extension headers
  uint8_t tos;               // IPv4 ToS or IPv6 traffic class, all eight bits
  uint8_t qfi;               // of the PDU Session Container; 0 when absent
  uint8_t bits;              // Direction and the flags below
  uint32_t session_version;  // unique per compiled session; see Session
  uint32_t origin;           // the TEID, or the port that a packet without tunnel came in by

  static constexpr uint8_t kDirectionMask = 0x03;
  static constexpr uint8_t kHasPorts = 0x04;
  static constexpr uint8_t kIsV6 = 0x08;
  static constexpr uint8_t kHasQfi = 0x10;
  static constexpr uint8_t kRedirected = 0x40;  // downlink: it replies to what was redirected
  static constexpr uint8_t kTunnelled = 0x20;   // downlink, by a tunnel from the core: `origin`

  Direction direction() const { return static_cast<Direction>(bits & kDirectionMask); }
  bool has_ports() const { return (bits & kHasPorts) != 0; }
  bool is_v6() const { return (bits & kIsV6) != 0; }
  void set_direction(Direction direction) {
    bits = static_cast<uint8_t>((bits & ~kDirectionMask) | static_cast<uint8_t>(direction));
  }
  // Written as one word: the hash reads it as one at once, and a processor forwards only whole
  // words from its stores to its loads.
  void set_session(uint32_t version) {
    const uint64_t word = uint64_t{version} | uint64_t{origin} << 32;
    std::memcpy(&session_version, &word, 8);
  }
  bool operator==(const FlowKey& other) const { return std::memcmp(this, &other, 48) == 0; }
};
static_assert(sizeof(FlowKey) == 48 && offsetof(FlowKey, session_version) == 40);

// Of what answers the packet: its addresses and ports change places.
inline FlowKey reversed(const FlowKey& key) {
  FlowKey out = key;
  std::memcpy(out.source, key.destination, 16);
  std::memcpy(out.destination, key.source, 16);
  out.source_port = key.destination_port;
  out.destination_port = key.source_port;
  return out;
}

// What is known of a packet before its IP header is read.
struct FlowOrigin {
  Direction direction = Direction::kUplink;
  bool has_qfi = false;
  uint8_t qfi = 0;
  uint32_t origin = 0;
};

// The ports that all fragments of a packet share, known from the first.
struct FragmentPorts {
  bool has_ports = false;  // the protocol has some
  uint16_t source = 0;     // host order
  uint16_t destination = 0;
};

// Where a user's packet's parts lie, beside its key.
struct InnerLayout {
  uint16_t l4_offset = 0;    // from the IP header's first byte; 0 for a later fragment
  uint16_t total_bytes = 0;  // by the IP header
  bool is_fragment = false;  // of either end: first, middle or last
};

// Parses a user's IP packet. False when it is not a whole IPv4 or IPv6 packet within `bytes` or its
// extension headers do not end. Later fragments, and protocols without ports, leave the ports 0 and
// kHasPorts clear, so that no rule that names a port matches them. The session's version is 0.
bool parse_inner(std::span<const uint8_t> bytes, const FlowOrigin& from, FlowKey& key,
                 InnerLayout& layout);

}  // namespace sluice::upf
