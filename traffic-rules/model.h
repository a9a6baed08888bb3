// The traffic and DNS rules of MEC 011 (§7.1.2.2, §7.1.2.3, §7.1.5.2 to §7.1.5.4) as types: what a
// value of these types says is already checked. The words are the standard's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/net/ip_address.h"
#include "traffic-rules/domain_name.h"
#include "traffic-rules/network_scope.h"
#include "traffic-rules/ranges.h"

namespace sluice::traffic_rules {

// Bounds on one rule; a rule beyond them is refused, never cut.
inline constexpr size_t kMaxFilters = 32;          // filters of a rule
inline constexpr size_t kMaxValues = 64;           // values of one list of a filter
inline constexpr size_t kMaxScopes = 16;           // of a rule
inline constexpr size_t kMaxIdLength = 128;        // characters of an id or a tag
inline constexpr uint32_t kMaxTtlS = 0x7fff'ffff;  // RFC 2181 §8

enum class FilterType : uint8_t {
  kFlow,    // the filter describes uplink packets; their replies are treated alike
  kPacket,  // whatever matches literally, in either direction
};

enum class Action : uint8_t {
  kDrop,
  kForwardDecapsulated,
  kForwardEncapsulated,
  kPassthrough,
  kDuplicateDecapsulated,
  kDuplicateEncapsulated,
};

enum class InterfaceType : uint8_t { kTunnel, kMac, kIp };
enum class TunnelType : uint8_t { kGtpU, kGre };
enum class RuleState : uint8_t { kActive, kInactive };
enum class IpAddressType : uint8_t { kIpV4, kIpV6 };

// A parsed value that remembers how the client wrote it, so that a GET returns what was PUT.
template <typename T>
struct Spelled {
  T value{};
  std::string text;
  bool operator==(const Spelled&) const = default;
};

// A packet matches a filter when it matches every member that is given; it matches a list when it
// matches one of its values. A filter without members matches every packet.
struct TrafficFilter {
  std::vector<Spelled<IpRange>> src_address;
  std::vector<Spelled<IpRange>> dst_address;
  std::vector<Spelled<PortRange>> src_port;  // only packets whose transport has ports
  std::vector<Spelled<PortRange>> dst_port;
  std::vector<Spelled<uint8_t>> protocol;  // IANA number; IPv6: of the upper layer
  std::vector<std::string> tag;            // users registered under the tag (UE Identity, MEC 014)
  // The outer addresses and UDP ports of the tunnel that carries the packet.
  std::vector<Spelled<IpRange>> src_tunnel_address;
  std::vector<Spelled<IpRange>> tgt_tunnel_address;
  std::vector<Spelled<PortRange>> src_tunnel_port;
  std::vector<Spelled<PortRange>> dst_tunnel_port;
  std::optional<uint8_t> qci;   // on N3 the QFI, 0..255
  std::optional<uint8_t> dscp;  // IPv4 packets only, 0..63
  std::optional<uint8_t> tc;    // IPv6 packets only, all 8 bits of the traffic class

  bool operator==(const TrafficFilter&) const = default;
};

// tunnelSpecificData: MEC 010-2 (§6.2.1.12) has the object and leaves its members open; these are
// ours. Only those of the tunnel's type are set.
struct TunnelData {
  std::optional<uint32_t> teid;  // GTP_U, both ways: 1..
  std::optional<uint8_t> qfi;    // GTP_U: adds a PDU Session Container, 0..63
  std::optional<uint32_t> key;   // GRE, both ways (RFC 2890)
  bool operator==(const TunnelData&) const = default;
};

struct TunnelInfo {
  TunnelType tunnel_type = TunnelType::kGtpU;
  Spelled<IpAddress> tunnel_dst_address;
  std::optional<Spelled<IpAddress>> tunnel_src_address;  // absent: the UPF's own
  std::optional<TunnelData> tunnel_specific_data;
  bool operator==(const TunnelInfo&) const = default;
};

// Exactly the members that `interface_type` asks for are set.
struct DestinationInterface {
  InterfaceType interface_type = InterfaceType::kIp;
  std::optional<TunnelInfo> tunnel_info;               // kTunnel
  std::optional<Spelled<MacAddress>> src_mac_address;  // kMac, may be absent: the port's own
  std::optional<Spelled<MacAddress>> dst_mac_address;  // kMac
  std::optional<Spelled<IpAddress>> dst_ip_address;    // kIp
  bool operator==(const DestinationInterface&) const = default;
};

struct TrafficRule {
  std::string traffic_rule_id;
  FilterType filter_type = FilterType::kFlow;
  uint8_t priority = 0;                       // higher wins, see README.md
  std::vector<TrafficFilter> traffic_filter;  // at least one; any of them matching is enough
  Action action = Action::kDrop;
  // None for DROP, one for FORWARD_*, two for DUPLICATE_* (client side first, §7.1.2.2 note 2),
  // at most one for PASSTHROUGH, where it has no effect.
  std::vector<DestinationInterface> dst_interface;
  // Only the packets of sessions in these networks; none: of all. An extension of ours, the
  // operator's.
  std::vector<NetworkScope> scope = {};
  bool dst_interface_is_list = false;  // editions differ; a reply keeps the client's form
  RuleState state = RuleState::kInactive;

  bool operator==(const TrafficRule&) const = default;
};

struct DnsRule {
  std::string dns_rule_id;
  Spelled<DomainName> domain_name;
  IpAddressType ip_address_type = IpAddressType::kIpV4;
  Spelled<IpAddress> ip_address;  // of the family that ip_address_type names
  std::optional<uint32_t> ttl_s;  // 0..kMaxTtlS; absent: the rule's answers do not expire
  RuleState state = RuleState::kInactive;

  bool operator==(const DnsRule&) const = default;
};

// The standard's spelling: "FORWARD_DECAPSULATED".
const char* to_string(FilterType);
const char* to_string(Action);
const char* to_string(InterfaceType);
const char* to_string(TunnelType);
const char* to_string(RuleState);
const char* to_string(IpAddressType);

}  // namespace sluice::traffic_rules
