// A session compiled for the workers: one immutable block of memory with everything a packet needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/session/meter.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/pdr_extras.h"
#include "upf-dataplane/session/usage_meter.h"
#include "upf-dataplane/steer/next_hop.h"

namespace sluice::upf {

// One SDF filter, in the form that compares with a FlowKey.
struct CompiledSdf {
  uint8_t remote[16], remote_mask[16];
  uint8_t local[16], local_mask[16];
  PortRange remote_ports[2], local_ports[2];  // either of them; unused ones are empty (low > high)
  uint8_t protocol = 0;
  uint8_t tos_value = 0, tos_mask = 0;
  bool any_protocol = true;
  bool any_remote_port = true, any_local_port = true;
  uint8_t family_bits = 0, family_mask = 0;  // of FlowKey::bits

  bool matches(const FlowKey& key, bool uplink) const;
};

// A network behind a UE, or the prefix of a UE that has no /64.
struct CompiledPrefix {
  uint8_t value[16] = {}, mask[16] = {};
  bool is_framed = false;  // a framed route: only for PDRs that name it
};

// A PDR with its FAR and QERs resolved.
struct alignas(64) CompiledPdr {
  static constexpr uint8_t kV4 = 1;
  static constexpr uint8_t kV6 = 2;
  static constexpr uint8_t kFramed = 4;
  static constexpr uint64_t kAnyQfi = ~uint64_t{0};
  // Stands for the tunnel of a PDR that takes what comes by UDP/IP.
  static constexpr uint32_t kUdpTunnel = 0xffffffff;

  uint64_t qfis = kAnyQfi;  // bit q: QFI q matches; packets without one match only kAnyQfi
  uint32_t teid = 0;        // uplink: the tunnel of its F-TEID
  uint16_t in_ports = 0;    // bit p: packets of port p match
  uint16_t sdf_first = 0;   // of the session's filters
  uint16_t sdf_count = 0;   // 0: every packet
  bool gate_open = true;
  bool forward = false;      // the FAR forwards; otherwise it drops
  bool encapsulate = false;  // into the tunnel below
  bool has_qfi_mark = false;
  uint8_t qfi_mark = 0;
  uint8_t families = kV4 | kV6 | kFramed;  // of the UE addresses that the PDR names
  PortIndex out_port = 0;
  bool peer_is_v6 = false;
  uint16_t meters_first = 0;  // of the session's meters
  uint32_t peer_teid = 0;
  NextHopId peer_hop = kNoNextHop;
  uint8_t peer[16] = {};  // IPv4 in the first four bytes
  uint8_t meter_count = 0;
  uint8_t special = 0;      // kHas*: what costs more than the plain case
  uint8_t mark_tos = 0;     // with kHasMark
  uint8_t mark_mask = 0;    // the bits that `mark_tos` sets
  uint8_t paging_bits = 0;  // of the PDU Session Container: PPP, RQI, and PPI in the low bits
  uint8_t usage_count = 0;
  uint16_t id = 0;              // the PDR's
  uint16_t usage_first = 0;     // of the session's usage meters
  uint8_t guarantee_count = 0;  // meters of guaranteed rates, behind those of its limits
  uint8_t extras = 0;           // which of the session's PdrExtras are its own, from 1 on; 0: none

  static constexpr uint8_t kHasMeters = 0x01;
  static constexpr uint8_t kHasMark = 0x02;
  static constexpr uint8_t kHasUsage = 0x04;
  static constexpr uint8_t kBuffers = 0x08;     // the FAR says BUFF
  static constexpr uint8_t kDuplicates = 0x40;  // the FAR says DUPL: see PdrExtras::copies
  static constexpr uint8_t kRedirects = 0x20;   // see PdrExtras::redirect

  static constexpr uint8_t kSubstitute = 0x80;  // by a QuotaAction: used up quotas do not count

  static constexpr uint8_t kToCp = 0x10;  // from the UE to the CP function, by a tunnel

  static constexpr uint8_t kPagingPolicyPresent = 0x80;
  static constexpr uint8_t kReflective = 0x40;
};
static_assert(sizeof(CompiledPdr) == 64);

struct SessionDeleter {
  std::pmr::memory_resource* memory = nullptr;
  void operator()(class Session* session) const;
};
using SessionPtr = std::unique_ptr<class Session, SessionDeleter>;

class alignas(64) Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  struct Parts {
    uint32_t version;      // unlike any other compiled session's, for flow caches
    uint32_t slot;         // index of its usage counters
    uint32_t serial = 0;   // unlike any other session's; stays the same when it is modified
    uint16_t network = 0;  // its number in Networks
    uint32_t ue_v4 = 0;    // raw network-order; 0: none
    uint64_t ue_v6 = 0;    // upper 64 bits of a /64, raw network-order; 0: none
    // As they were asked for: the UE's IPv6 prefix, of whatever length, and the networks behind it.
    std::optional<IpPrefix> ue_prefix = {};
    std::vector<IpPrefix> framed_routes = {};
    std::vector<CompiledPdr> uplink = {};  // by precedence
    std::vector<CompiledPdr> downlink = {};
    std::vector<CompiledPdr> from_cp = {};  // of packets from the CP function, to the UE
    std::vector<CompiledPrefix> prefixes = {};
    std::vector<CompiledSdf> sdf = {};
    // Of either direction; whoever owns them outlives the session.
    std::vector<Meter*> meters = {};
    std::vector<UsageMeter*> usage = {};
    std::vector<PdrExtras> extras = {};
  };
  // In a piece of `memory`, which must outlive the session.
  static SessionPtr make(const Parts& parts,
                         std::pmr::memory_resource& memory = *std::pmr::new_delete_resource());

  uint32_t version() const { return version_; }
  uint32_t slot() const { return slot_; }
  uint32_t serial() const { return serial_; }
  uint16_t network() const { return network_; }
  size_t bytes() const;
  // Starts loading what the first PDR of a direction takes to be found and applied. Touches
  // nothing.
  void prefetch_uplink() const {
    __builtin_prefetch(this);
    __builtin_prefetch(&uplink_pdr(0));
  }
  void prefetch_downlink() const {
    __builtin_prefetch(this);
    __builtin_prefetch(&downlink_pdr(0));
  }

  // The PDR that detects the packet, or -1. `teid` is the tunnel it came by, 0 on the downlink.
  int match_uplink(const FlowKey& key, uint32_t teid, PortIndex in_port) const;
  int match_downlink(const FlowKey& key, PortIndex in_port) const;
  // What a PDR of packets from or to the CP function detects although the addresses are not the
  // UE's: the link-local ones of router and neighbour discovery, DHCPv6. Null: none does.
  const CompiledPdr* match_to_cp(const FlowKey& key, uint32_t teid, PortIndex in_port) const;
  const CompiledPdr* match_from_cp(const FlowKey& key, uint32_t teid, PortIndex in_port) const;
  // The PDRs of a direction, in no particular order.
  std::span<const CompiledPdr> uplink_pdrs() const { return {pdrs(), uplink_count_}; }
  std::span<const CompiledPdr> downlink_pdrs() const {
    return {reinterpret_cast<const CompiledPdr*>(this) - downlink_count_, downlink_count_};
  }
  // Those of packets from the CP function.
  std::span<const CompiledPdr> cp_pdrs() const { return {pdrs() + uplink_count_, from_cp_count_}; }
  std::array<std::span<const CompiledPdr>, 3> all_pdrs() const {
    return {uplink_pdrs(), downlink_pdrs(), cp_pdrs()};
  }
  // The i-th by precedence.
  const CompiledPdr& uplink_pdr(size_t i) const { return pdrs()[i]; }
  const CompiledPdr& downlink_pdr(size_t i) const {
    return *(reinterpret_cast<const CompiledPdr*>(this) - 1 - i);
  }
  std::span<Meter* const> meters(const CompiledPdr& pdr) const {
    return {meters() + pdr.meters_first, pdr.meter_count};
  }
  std::span<Meter* const> guarantees(const CompiledPdr& pdr) const {
    return {meters() + pdr.meters_first + pdr.meter_count, pdr.guarantee_count};
  }
  std::span<UsageMeter* const> usage(const CompiledPdr& pdr) const {
    return {usage() + pdr.usage_first, pdr.usage_count};
  }

  std::span<const PdrExtras> all_extras() const {
    return extras_ ? std::span<const PdrExtras>(*extras_) : std::span<const PdrExtras>();
  }
  // Of a PDR that has some.
  const PdrExtras& extras(const CompiledPdr& pdr) const { return (*extras_)[pdr.extras - 1U]; }
  // Whether a tunnel of the session is one that packets to the UE come by (N9).
  bool is_core_tunnel(uint32_t teid) const { return has_core_tunnels_ && find_core_tunnel(teid); }
  // Whether a tunnel of UDP/IP from there (16 bytes, IPv4 mapped) is one that the session sends by.
  bool has_udp_tunnel(const uint8_t* peer, uint16_t port) const;
  // Whether packets to other addresses than they were sent to may be answered.
  bool redirects() const { return redirects_; }
  // Whether either can be.
  bool is_unusual() const { return is_unusual_; }

  // Whether one PDR per direction takes everything, so that there is nothing to cache.
  bool is_plain() const { return plain_; }
  // Whether the ports of a packet can matter to which PDR detects it.
  bool wants_ports() const { return wants_ports_; }

 private:
  explicit Session(const Parts& parts);
  friend struct SessionDeleter;

  // The downlink's PDRs lie before the header, backwards, and the uplink's behind it: so the first
  // of either direction is where it can be loaded before the header is known.
  const std::byte* begin() const {
    return reinterpret_cast<const std::byte*>(this) - downlink_count_ * sizeof(CompiledPdr);
  }
  const CompiledPdr* pdrs() const { return reinterpret_cast<const CompiledPdr*>(this + 1); }
  Meter* const* meters() const {
    return reinterpret_cast<Meter* const*>(pdrs() + uplink_count_ + from_cp_count_);
  }
  UsageMeter* const* usage() const {
    return reinterpret_cast<UsageMeter* const*>(meters() + meter_count_);
  }
  const CompiledSdf* sdfs() const {
    return reinterpret_cast<const CompiledSdf*>(usage() + usage_count_);
  }
  const CompiledPrefix* prefixes() const {
    return reinterpret_cast<const CompiledPrefix*>(sdfs() + sdf_count_);
  }
  static bool takes_qfi(const CompiledPdr& pdr, const FlowKey& key) {
    return pdr.qfis == CompiledPdr::kAnyQfi ||
           ((key.bits & FlowKey::kHasQfi) != 0 && (pdr.qfis >> key.qfi & 1) != 0);
  }
  // Which of CompiledPdr::families a PDR has to take, when the session has the address (of a
  // FlowKey); 0 when it has not.
  uint8_t families_of(const uint8_t* address, bool is_v6) const;
  uint8_t families_of_prefixes(const uint8_t* address, bool is_v6) const;
  bool find_core_tunnel(uint32_t teid) const;
  bool sdf_matches(const CompiledPdr& pdr, const FlowKey& key, bool uplink) const;

  uint64_t ue_v6_;
  uint32_t version_;
  uint32_t slot_;
  uint32_t ue_v4_;
  uint16_t uplink_count_;
  uint16_t downlink_count_;
  uint16_t sdf_count_;
  uint16_t meter_count_;
  uint16_t usage_count_;
  uint16_t from_cp_count_;
  uint16_t prefix_count_;
  uint16_t network_;
  uint32_t serial_;
  bool plain_;
  bool has_core_tunnels_;
  bool redirects_;
  bool is_unusual_;
  bool has_addresses_;  // otherwise the other end of its tunnels checks them
  bool wants_ports_;
  std::unique_ptr<const std::vector<PdrExtras>> extras_;  // null: none
};

}  // namespace sluice::upf
