// Where MEC rules send packets, beyond a plain next hop: tunnels, and several destinations at once.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <unordered_set>

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/flow_hash.h"
#include "upf-dataplane/steer/next_hop.h"

namespace sluice::upf {

enum class TunnelKind : uint8_t { kNone, kGtpU, kGre };

// An address as on the wire: IPv4 in the first four bytes.
using WireAddress = std::array<uint8_t, 16>;

inline WireAddress wire_address(const IpAddress& address) {
  WireAddress out{};
  const auto& bytes = address.v6().bytes();
  std::memcpy(out.data(), bytes.data() + (address.is_v4() ? 12 : 0), address.is_v4() ? 4 : 16);
  return out;
}

struct SteeringDestination {
  NextHopId next_hop = kNoNextHop;  // of the destination, or on the way to the tunnel's far end
  TunnelKind tunnel = TunnelKind::kNone;
  bool is_v6 = false;    // the tunnel's outer header
  bool has_key = false;  // GRE
  bool has_qfi = false;  // GTP-U
  uint8_t qfi = 0;
  uint32_t id = 0;  // TEID or GRE key
  WireAddress source{};
  WireAddress destination{};
};

// A rule's treatment that is more than one plain packet to one next hop.
struct SteeringBranch {
  bool encapsulated = false;  // with the access tunnel's headers
  bool duplicate = false;     // copies leave, the packet itself stays on its normal path
  uint8_t count = 0;
  std::array<SteeringDestination, 2> to{};
};

// From whom packets in tunnels are accepted: only from the far ends of rules in effect.
class TunnelPeers {
 public:
  bool empty() const { return peers_.empty(); }
  // What leaves for `to`, a tunnel, comes back with the same addresses exchanged and the same id.
  void add(const SteeringDestination& to) {
    const WireAddress peer = mapped(to.destination, to.is_v6);
    const WireAddress own = mapped(to.source, to.is_v6);
    const bool has_id = to.tunnel == TunnelKind::kGtpU || to.has_key;
    peers_.insert(key_of(to.tunnel, peer.data(), own.data(), has_id, to.id));
    has_gtpu_ |= to.tunnel == TunnelKind::kGtpU;
  }
  // Addresses are 16 bytes, IPv4 mapped.
  bool contains(TunnelKind kind, const uint8_t* peer, const uint8_t* own, bool has_id,
                uint32_t id) const {
    return peers_.contains(key_of(kind, peer, own, has_id, id));
  }
  bool has_gtpu() const { return has_gtpu_; }

 private:
  // Everything that is compared, in the form that is hashed fast.
  static FlowKey key_of(TunnelKind kind, const uint8_t* peer, const uint8_t* own, bool has_id,
                        uint32_t id) {
    FlowKey key;
    std::memset(static_cast<void*>(&key), 0, sizeof key);
    std::memcpy(key.source, peer, 16);
    std::memcpy(key.destination, own, 16);
    key.protocol = static_cast<uint8_t>(kind);
    key.bits = has_id ? 1 : 0;
    key.origin = id;
    return key;
  }
  struct Hash {
    size_t operator()(const FlowKey& key) const { return hash(key); }
  };
  static WireAddress mapped(const WireAddress& wire, bool is_v6) {
    if (is_v6) return wire;
    WireAddress out{};
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, wire.data(), 4);
    return out;
  }

  std::unordered_set<FlowKey, Hash> peers_;
  bool has_gtpu_ = false;
};

}  // namespace sluice::upf
