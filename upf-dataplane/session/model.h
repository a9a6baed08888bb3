// A PFCP session as the user plane understands it: what N4 asked for, checked and typed, before it
// is compiled for the workers. Plain data; nothing here knows PFCP's encoding or DPDK.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/net/ip_address.h"
#include "base/strong_id.h"
#include "traffic-rules/network_scope.h"

namespace sluice::upf {

using Teid = StrongId<struct TeidTag, uint32_t>;
using Seid = StrongId<struct SeidTag, uint64_t>;  // the UP function's own SEID of a session
using PdrId = StrongId<struct PdrIdTag, uint16_t>;
using FarId = StrongId<struct FarIdTag, uint32_t>;
using QerId = StrongId<struct QerIdTag, uint32_t>;
using BarId = StrongId<struct BarIdTag, uint8_t>;
using UrrId = StrongId<struct UrrIdTag, uint32_t>;
using Qfi = StrongId<struct QfiTag, uint8_t>;  // 0..63

// TS 29.244 §8.2.2 and §8.2.24: where a packet comes from or goes to.
enum class Interface : uint8_t {
  kAccess = 0,
  kCore = 1,
  kSgiLan = 2,
  kCpFunction = 3,
  kLiFunction = 4,  // of copies only
};

// An F-TEID of this UPF (TS 29.244 §8.2.3).
struct LocalFTeid {
  Teid teid;
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
  bool operator==(const LocalFTeid&) const = default;
};

struct UeAddress {
  std::optional<Ipv4Address> v4 = {};
  std::optional<IpPrefix> v6 = {};  // the UE's prefix, /64 unless stated
  bool operator==(const UeAddress&) const = default;
};

struct PortRange {
  uint16_t low = 0;
  uint16_t high = 0xffff;  // inclusive
  bool operator==(const PortRange&) const = default;
};

// One SDF filter (TS 29.244 §8.2.5, TS 29.212 §5.4.2), free of direction: `remote` is the far end
// and `local` the UE's, whichever way the packet flows. An IPFilterRule "permit out ... from A to
// B" has A remote and B local; on the uplink the packet's destination is compared with `remote`.
struct SdfFilter {
  std::optional<uint8_t> protocol = {};      // absent: any
  std::optional<IpPrefix> remote = {};       // absent: any
  std::vector<PortRange> remote_ports = {};  // empty: any
  std::optional<IpPrefix> local = {};        // absent: any, or "assigned"
  std::vector<PortRange> local_ports = {};   // empty: any
  std::optional<uint8_t> tos_value = {};     // ToS / traffic class under `tos_mask`
  uint8_t tos_mask = 0;
  std::optional<uint32_t> spi = {};         // IPsec security parameter index
  std::optional<uint32_t> flow_label = {};  // 20 bits, IPv6
  std::optional<uint32_t> filter_id = {};   // to refer to a bidirectional filter again
  bool operator==(const SdfFilter&) const = default;
};

// Packet Detection Rule (TS 29.244 §7.5.2.2).
struct Pdr {
  PdrId id;
  uint32_t precedence = 0;  // lower wins
  Interface source = Interface::kAccess;
  std::optional<LocalFTeid> f_teid = {};
  std::string network_instance = {};  // empty: any
  std::optional<UeAddress> ue = {};   // the source of uplink, the destination of downlink packets
  std::vector<IpPrefix> framed_routes = {};  // networks behind the UE, besides its address
  std::string application_id = {};           // whose PFDs `sdf` is from; empty: none
  std::vector<SdfFilter> sdf = {};           // empty: every packet; otherwise any of them
  std::vector<Qfi> qfis = {};                // empty: any
  bool remove_outer_header = false;          // GTP-U's
  bool remove_udp_header = false;  // UDP/IP's: takes what comes by such a tunnel, and nothing else
  std::optional<uint8_t> traffic_endpoint = {};  // that F-TEID, network and addresses are from
  FarId far;
  std::vector<QerId> qers = {};
  std::vector<UrrId> urrs = {};
  bool operator==(const Pdr&) const = default;
};

// Outer Header Creation (TS 29.244 §8.2.56): the far end of a tunnel, GTP-U/UDP/IP or, with a port,
// UDP/IP alone, as into a data network.
struct OuterHeader {
  Teid teid;
  IpAddress peer;
  std::optional<uint16_t> udp_port = {};  // never 0; then there is no TEID
  bool operator==(const OuterHeader&) const = default;
};

// Transport Level Marking (TS 29.244 §8.2.12): what the ToS or traffic class of the header that
// carries the packet becomes under the mask: the tunnel's, or without a tunnel the packet's own.
struct Marking {
  uint8_t tos = 0;
  uint8_t mask = 0;
  bool operator==(const Marking&) const = default;
};

// Buffering Action Rule (TS 29.244 §7.5.2.6).
struct Bar {
  BarId id;
  // From the first buffered packet to the Downlink Data Report.
  std::chrono::milliseconds notification_delay{0};
  std::optional<uint16_t> suggested_packets = {};  // to hold; more are not
  bool operator==(const Bar&) const = default;
};

// Duplicating Parameters (TS 29.244 §7.5.2.3-3): where a copy goes.
struct Duplicate {
  Interface destination = Interface::kCore;
  OuterHeader outer_header;
  std::optional<Marking> marking = {};
  bool operator==(const Duplicate&) const = default;
};

// Redirect Information (TS 29.244 §8.2.20): where packets go instead of where they were sent, by
// their family; or to which URL HTTP requests are led, and nothing passes.
struct Redirect {
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
  std::string url = {};  // empty: to the addresses
  static constexpr size_t kLongestUrl = 1024;
  bool operator==(const Redirect&) const = default;
};

// Forwarding Action Rule (TS 29.244 §7.5.2.3).
struct Far {
  FarId id;
  bool forward = false;  // FORW; otherwise BUFF or DROP
  bool buffer = false;   // BUFF
  bool notify = false;   // NOCP: the SMF is told of the first packet buffered
  std::optional<BarId> bar = {};
  Interface destination = Interface::kCore;
  std::string network_instance = {};  // empty: the default of the interface
  std::optional<OuterHeader> outer_header = {};
  // The far end of the tunnel said that it does not know it (TS 29.281 §7.3.1): nothing is sent
  // there until the SMF changes the FAR.
  bool peer_unknown = false;
  std::optional<Marking> marking = {};
  std::optional<Redirect> redirect = {};   // of what is forwarded
  bool duplicate = false;                  // DUPL: with FORW or DROP, when it is carried out
  std::vector<Duplicate> duplicates = {};  // at most kMostDuplicates
  static constexpr size_t kMostDuplicates = 4;
  bool operator==(const Far&) const = default;
};

// A rate a direction, in kilobits (1000) per second of user IP packets (TS 29.244 §8.2.8, §8.2.9).
struct BitRates {
  uint64_t uplink_kbps = 0;
  uint64_t downlink_kbps = 0;
  bool operator==(const BitRates&) const = default;
};

// Packet Rate of one direction (TS 29.244 §8.2.63): so many packets in such a time.
struct PacketRate {
  uint16_t packets = 0;
  std::chrono::seconds time{60};  // a minute, six, an hour, a day or a week
  bool operator==(const PacketRate&) const = default;
};
struct PacketRates {
  std::optional<PacketRate> uplink = {};
  std::optional<PacketRate> downlink = {};
  bool operator==(const PacketRates&) const = default;
};

// Packet Rate Status (TS 29.244 §8.2.157): how many packets may still pass until then.
struct PacketRateLeft {
  std::optional<uint16_t> uplink = {};
  std::optional<uint16_t> downlink = {};
  std::optional<std::chrono::sys_seconds> until = {};
  bool operator==(const PacketRateLeft&) const = default;
};

// QoS Enforcement Rule (TS 29.244 §7.5.2.5). All PDRs of a session that name it share its rate: a
// QER that every PDR names is the session's AMBR.
struct Qer {
  QerId id;
  bool uplink_open = true;
  bool downlink_open = true;
  std::optional<BitRates> mbr = {};  // absent: no limit; 0: nothing passes
  std::optional<BitRates> gbr = {};  // leaves first where a port is busy
  std::optional<Qfi> qfi = {};       // put into the PDU Session Container downlink
  std::optional<PacketRates> packet_rates = {};
  // What of them is left when the QER is made: another UPF counted before.
  std::optional<PacketRateLeft> packets_left = {};
  bool reports_packets_left = false;          // RCSR: when the session ends
  bool reflective = false;                    // RQI in the PDU Session Container downlink
  std::optional<uint8_t> paging_policy = {};  // PPI there, 0..7
  bool operator==(const Qer&) const = default;
};

// Bytes of user IP packets, each direction and both together.
struct Volumes {
  std::optional<uint64_t> total = {};
  std::optional<uint64_t> uplink = {};
  std::optional<uint64_t> downlink = {};
  bool operator==(const Volumes&) const = default;
};

// Reporting Triggers of a URR (TS 29.244 §8.2.19): the first octet is the lowest.
struct ReportingTriggers {
  static constexpr uint32_t kPeriodic = 0x000001;
  static constexpr uint32_t kVolumeThreshold = 0x000002;
  static constexpr uint32_t kTimeThreshold = 0x000004;
  static constexpr uint32_t kQuotaHoldingTime = 0x000008;
  static constexpr uint32_t kStartOfTraffic = 0x000010;
  static constexpr uint32_t kStopOfTraffic = 0x000020;
  static constexpr uint32_t kDroppedDownlink = 0x000040;
  static constexpr uint32_t kLinkedUsage = 0x000080;
  static constexpr uint32_t kVolumeQuota = 0x000100;
  static constexpr uint32_t kTimeQuota = 0x000200;
  static constexpr uint32_t kEventThreshold = 0x001000;
  static constexpr uint32_t kEventQuota = 0x002000;
  static constexpr uint32_t kQuotaValidityTime = 0x008000;
};

// TS 29.244 §5.2.2.2: usage before this time and after it is told apart, and from then on these
// thresholds and quotas are in force, where they are given.
struct Monitoring {
  std::chrono::sys_seconds time;
  Volumes volume_threshold = {};
  Volumes volume_quota = {};
  std::optional<std::chrono::seconds> time_threshold = {};
  std::optional<std::chrono::seconds> time_quota = {};
  std::optional<uint32_t> event_threshold = {};
  std::optional<uint32_t> event_quota = {};
  bool operator==(const Monitoring&) const = default;
};

// Dropped DL Traffic Threshold (TS 29.244 §8.2.49).
struct DroppedTraffic {
  std::optional<uint64_t> packets = {};
  std::optional<uint64_t> bytes = {};
  bool operator==(const DroppedTraffic&) const = default;
};

// Usage Reporting Rule (TS 29.244 §7.5.2.4). An event is a start of traffic.
struct Urr {
  using Seconds = std::chrono::seconds;

  UrrId id;
  bool measures_time = false;
  bool measures_volume = false;
  bool measures_events = false;
  uint32_t triggers = 0;  // ReportingTriggers
  std::optional<Seconds> period = {};
  Volumes volume_threshold = {};
  Volumes volume_quota = {};
  std::optional<Seconds> time_threshold = {};
  std::optional<Seconds> time_quota = {};
  std::optional<uint32_t> event_threshold = {};
  std::optional<uint32_t> event_quota = {};
  std::optional<Seconds> quota_holding_time = {};
  std::optional<Seconds> quota_validity_time = {};
  std::optional<Seconds> inactivity_time = {};  // without packets for so long, time stands still
  std::optional<Monitoring> monitoring = {};
  std::vector<Monitoring> later_monitoring = {};  // with `monitoring`: further ones, in order
  static constexpr size_t kMostLaterMonitoring = 8;
  DroppedTraffic dropped_threshold = {};
  std::optional<uint16_t> number_of_reports = {};  // then it reports nothing by itself
  std::optional<FarId> quota_far = {};             // in place of the PDR's when a quota is used up
  std::vector<UrrId> linked = {};                  // with kLinkedUsage: reports when they do
  bool is_inactive = false;                        // INAM: measures nothing, enforces nothing
  bool before_qos = false;                         // MBQE: counts what rates then refuse, too
  bool time_from_start = false;                    // ISTM: time runs before the first packet
  bool counts_packets = false;                     // MNOP: reports tell packets too
  bool operator==(const Urr&) const = default;
};

struct SessionSpec {
  Seid seid;
  std::string dnn = {};  // from the PDI network instance or APN/DNN IE, may be empty
  std::optional<traffic_rules::Snssai> snssai = {};
  std::map<PdrId, Pdr> pdrs;
  std::map<FarId, Far> fars;
  std::map<QerId, Qer> qers;
  std::map<UrrId, Urr> urrs;
  std::map<BarId, Bar> bars;
  bool operator==(const SessionSpec&) const = default;
};

}  // namespace sluice::upf
