// The messages of Mp2 between sluice-mep and sluice-upf: one JSON object a line (see README.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "traffic-rules/model.h"

namespace sluice::mp2 {

inline constexpr int kVersion = 1;
inline constexpr size_t kDefaultMaxLine = size_t{64} << 20;  // bytes; 10,000 large rules fit
inline constexpr size_t kMaxEntries = 100'000;               // of one list of a message
inline constexpr size_t kMaxTagAddresses = 4096;  // of one tag: what one rule can be narrowed to

// What a UPF can do; a MEP shows it and refuses nothing because of it (the UPF rejects by rule).
struct Features {
  std::vector<traffic_rules::Action> actions;
  std::vector<traffic_rules::InterfaceType> destinations;
  uint32_t max_rules = 0;
  uint32_t max_dns_rules = 0;
  // Members of trafficFilter that it can match on; empty: it does not say.
  std::vector<std::string> filters{};
  bool operator==(const Features&) const = default;
};

// Which rule set: the store that it came from and that store's generation. Generations of different
// stores do not compare. A UPF that has installed nothing yet says {"", 0}.
struct SetVersion {
  std::string source;
  uint64_t generation = 0;
  bool operator==(const SetVersion&) const = default;
};

// UPF -> MEP, first message of a connection.
struct Hello {
  std::string instance_id;  // random for every process start
  SetVersion installed;
  Features features;
  bool operator==(const Hello&) const = default;
};

struct RuleEntry {
  std::string key;  // "<appInstanceId>/<trafficRuleId>", unique among traffic rules
  std::string app_instance_id;
  uint64_t order = 0;  // of installation at the MEP: at equal priority the lower wins
  traffic_rules::TrafficRule rule;
  bool operator==(const RuleEntry&) const = default;
};

struct DnsEntry {
  std::string key;  // "<appInstanceId>/<dnsRuleId>", unique among DNS rules
  std::string app_instance_id;
  uint64_t order = 0;
  traffic_rules::DnsRule rule;
  bool operator==(const DnsEntry&) const = default;
};

// What some packets may count on where a port is busy, in bits of users' IP packets per second:
// those of an app, or of some flows. A flow's own guarantee precedes that of its app; among several
// that name a flow the lower order, then the smaller key decides, for each direction by itself.
struct GuaranteeEntry {
  static constexpr uint64_t kMaxBps = 1'000'000'000'000;
  std::string key;  // unique among guarantees
  uint64_t order = 0;
  uint64_t uplink_bps = 0;  // 0: none
  uint64_t downlink_bps = 0;
  // Without flows, whose packets: what the app's traffic rules decide and what goes to, and comes
  // from, the addresses that its DNS rules give. Several guarantees of one app add up.
  std::string app_instance_id;
  // As those of a FLOW rule: they describe uplink packets, replies are treated alike.
  std::vector<traffic_rules::TrafficFilter> flows;
  bool operator==(const GuaranteeEntry&) const = default;
};

// The users registered under a tag (UE Identity, MEC 014), by their addresses.
struct TagEntry {
  std::string tag;
  std::vector<IpPrefix> addresses;  // none: nobody is registered under it now
  bool operator==(const TagEntry&) const = default;
};

// MEP -> UPF: all tags that the MEP can resolve and rules may name; replaces what was told before.
// It belongs to no generation and gets no reply: status says which rules still miss one. What a
// platform told is forgotten when a set of another source is installed without it.
struct Tags {
  std::string source;  // as in SetVersion
  std::vector<TagEntry> tags;
  bool operator==(const Tags&) const = default;
};

enum class RuleKind : uint8_t { kTraffic, kDns, kGuarantee };

struct Rejection {
  RuleKind kind = RuleKind::kTraffic;  // a traffic rule and a DNS rule may share a key
  std::string key;
  std::string reason;
  bool operator==(const Rejection&) const = default;
};

// MEP -> UPF: the whole desired set. Only rules that should be in effect are in it.
struct Replace {
  SetVersion version;
  std::vector<RuleEntry> rules;
  std::vector<DnsEntry> dns;
  // Filled by the receiver: entries whose rule did not parse. They are in none of the lists here.
  std::vector<Rejection> unreadable;
  std::vector<GuaranteeEntry> guarantees = {};
  bool operator==(const Replace&) const = default;
};

// MEP -> UPF: what changed from {version.source, base_generation} to version. Removing an unknown
// key is no error. No key is both upserted and removed.
struct Update {
  SetVersion version;
  uint64_t base_generation = 0;
  std::vector<RuleEntry> upsert_rules;
  std::vector<std::string> remove_rules;
  std::vector<DnsEntry> upsert_dns;
  std::vector<std::string> remove_dns;
  // As in Replace; their keys are in remove_*: a rule that cannot be read must not leave its
  // predecessor in effect.
  std::vector<Rejection> unreadable;
  std::vector<GuaranteeEntry> upsert_guarantees = {};
  std::vector<std::string> remove_guarantees = {};
  bool operator==(const Update&) const = default;
};

// UPF -> MEP: the set is installed, without the rejected rules.
struct Applied {
  uint64_t generation = 0;
  std::vector<Rejection> rejected;
  bool operator==(const Applied&) const = default;
};

enum class RefusalCode : uint8_t {
  kResync,   // the base is not installed here: send everything
  kInvalid,  // the message makes no sense
  kLimit,    // more than this UPF can hold
};

// UPF -> MEP: nothing of the message was installed; the set before it stays.
struct Refused {
  uint64_t generation = 0;
  RefusalCode code = RefusalCode::kInvalid;
  std::string reason;
  bool operator==(const Refused&) const = default;
};

enum class SteeringState : uint8_t {
  kSteering,   // in effect
  kSuspended,  // its destination cannot be reached: traffic takes its normal path
  kRejected,   // this UPF cannot install it
  kHidden,     // in effect, but rules that precede it leave it nothing
};

struct RuleStatus {
  std::string key;
  SteeringState state = SteeringState::kSteering;
  std::string reason;     // for a person; steering: of a destination that is silent
  uint64_t since_ms = 0;  // when the state began, milliseconds since 1970
  uint64_t hits = 0;      // packets matched (queries answered), since the UPF's start
  uint64_t bytes = 0;     // of them; 0 for DNS rules
  bool operator==(const RuleStatus&) const = default;
};

// UPF -> MEP: the rules whose status changed since they were last told on this connection; a rule
// that was installed anew is told anew.
struct Status {
  uint64_t generation = 0;
  std::vector<RuleStatus> rules;
  std::vector<RuleStatus> dns;
  std::vector<RuleStatus> guarantees = {};  // those of one app say the same: what it has in all
  bool operator==(const Status&) const = default;
};

using Message = std::variant<Hello, Replace, Update, Applied, Refused, Status, Tags>;

const char* to_string(SteeringState);  // "STEERING", ...
const char* to_string(RefusalCode);    // "RESYNC", ...
const char* to_string(RuleKind);       // "traffic", "dns", "guarantee"

// One line, with its newline.
std::string encode(const Message& message);
// `line` without its newline. The error names the member that is wrong.
Result<Message> decode(std::string_view line);

}  // namespace sluice::mp2
