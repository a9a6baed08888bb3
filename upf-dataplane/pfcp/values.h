// The typed values of information elements (TS 29.244 §8.2), and how each reads and writes.
//
// IeCodec<T> ties a value type to its element type:
//   kType                        the element type
//   read(Bytes) -> Read<T>       from the element's value; later releases append octets, so what
//                                follows the known fields is ignored
//   write(const T&, ByteWriter&) appends the value
// ie(), read<T>() and group() in ie_access.h are the usual way to use them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/pfcp/cause.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/session/usage_meter.h"

namespace sluice::upf::pfcp {

// What is wrong with an element's value: kInvalidLength when it is cut off, else
// kMandatoryIeIncorrect or a more precise cause.
struct ValueError {
  Cause cause = Cause::kMandatoryIeIncorrect;
  std::string reason = {};
};
template <typename T>
using Read = std::expected<T, ValueError>;

template <typename T>
struct IeCodec;
// Declares the codec of a value type that stands for one element; the .cc file beside defines it.
#define PFCP_CODEC(T, constant)                       \
  template <>                                         \
  struct IeCodec<T> {                                 \
    static constexpr IeType kType = IeType::constant; \
    static Read<T> read(Bytes value);                 \
    static void write(const T& v, ByteWriter& out);   \
  };

// §8.2.38: the name of a PFCP node.
struct NodeId {
  std::optional<IpAddress> address = {};
  std::string fqdn = {};  // exactly when there is no address
  std::string to_string() const { return address ? address->to_string() : fqdn; }
  auto operator<=>(const NodeId&) const = default;
};

// §8.2.37: a session as one end names it, and that end's address; v4, v6 or both.
struct FSeid {
  uint64_t seid = 0;
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
  bool operator==(const FSeid&) const = default;
};

// §8.2.3: a tunnel end, or (CH) the wish that the UP function chooses it.
struct FTeid {
  bool choose = false;
  std::optional<uint8_t> choose_id = {};  // with `choose`: one F-TEID for all PDRs of the same id
  bool want_v4 = false;                   // with `choose`
  bool want_v6 = false;                   // with `choose`
  Teid teid;                              // without `choose`, as are the addresses
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
  bool operator==(const FTeid&) const = default;
};

struct Precedence {  // §8.2.11
  uint32_t value = 0;
};
struct SourceInterface {  // §8.2.2
  Interface value = Interface::kAccess;
};
struct DestinationInterface {  // §8.2.24
  Interface value = Interface::kAccess;
};

// §8.2.4: text as it came, except that an APN's length-prefixed labels are joined by dots.
struct NetworkInstance {
  std::string name = {};
};
// §8.2.117: an APN, written as labels (TS 23.003 §9.1).
struct Dnn {
  std::string name = {};
};

// §8.2.176: the value of SD that says that there is none is read as none.
struct SNssai {
  traffic_rules::Snssai value;
};

// §8.2.62. For IPv6, the prefix is 64 bits long unless it is stated otherwise: shorter by the
// IPv6D bits, or IP6PL.
struct UeIpAddress {
  std::optional<Ipv4Address> v4 = {};
  std::optional<IpPrefix> v6 = {};
  bool is_destination = false;  // S/D, meaningful in a PDI
  bool choose_v4 = false;       // the UP function is to allocate one
  bool choose_v6 = false;
  unsigned choose_v6_length = 64;  // with `choose_v6`
  bool operator==(const UeIpAddress&) const = default;
};

// §8.2.5, not interpreted: ip_filter_rule.h reads the flow description.
struct SdfFilterValue {
  std::optional<std::string> flow_description = {};
  std::optional<uint16_t> tos = {};  // value in the upper, mask in the lower octet
  std::optional<uint32_t> spi = {};
  std::optional<uint32_t> flow_label = {};  // 20 bits
  std::optional<uint32_t> filter_id = {};   // BID
  bool operator==(const SdfFilterValue&) const = default;
};

// §8.2.64.
enum class OuterHeaderKind : uint8_t {
  kGtpUUdpIpv4 = 0,
  kGtpUUdpIpv6 = 1,
  kUdpIpv4 = 2,
  kUdpIpv6 = 3,
  kIpv4 = 4,
  kIpv6 = 5,
  kGtpUUdpIp = 6,  // whichever IP the packet came with
  kVlanTag = 7,
  kTwoVlanTags = 8,
};
struct OuterHeaderRemoval {
  OuterHeaderKind what = OuterHeaderKind::kGtpUUdpIp;
  // §8.2.64 GTP-U Extension Header Deletion: 1 asks to strip the PDU Session Container.
  uint8_t delete_extensions = 0;
};

// §8.2.56. The bits that ask for GTP-U are the only ones with a TEID.
struct OuterHeaderCreation {
  static constexpr uint16_t kGtpUUdpIpv4 = 0x0100;
  static constexpr uint16_t kGtpUUdpIpv6 = 0x0200;
  static constexpr uint16_t kUdpIpv4 = 0x0400;
  static constexpr uint16_t kUdpIpv6 = 0x0800;
  static constexpr uint16_t kIpv4 = 0x1000;
  static constexpr uint16_t kIpv6 = 0x2000;
  static constexpr uint16_t kCTag = 0x4000;
  static constexpr uint16_t kSTag = 0x8000;

  uint16_t description = kGtpUUdpIpv4;
  std::optional<Teid> teid = {};
  std::optional<Ipv4Address> v4 = {};
  std::optional<Ipv6Address> v6 = {};
  std::optional<uint16_t> port = {};
  bool operator==(const OuterHeaderCreation&) const = default;

  static OuterHeaderCreation gtp_u(Teid teid, IpAddress peer);
};

// §8.2.26: a set of actions. The first octet is the lower; Release 15 has only that one.
struct ApplyAction {
  static constexpr uint16_t kDrop = 0x0001;
  static constexpr uint16_t kForward = 0x0002;
  static constexpr uint16_t kBuffer = 0x0004;
  static constexpr uint16_t kNotifyCp = 0x0008;
  static constexpr uint16_t kDuplicate = 0x0010;
  uint16_t actions = 0;
};

struct Mbr {  // §8.2.8
  BitRates rates;
  bool operator==(const Mbr&) const = default;
};
struct Gbr {  // §8.2.9
  BitRates rates;
  bool operator==(const Gbr&) const = default;
};
struct Rqi {  // §8.2.88
  bool reflective = false;
};
struct PagingPolicyIndicator {  // §8.2.116, 0..7
  uint8_t value = 0;
};
struct AveragingWindow {  // §8.2.115
  std::chrono::milliseconds length{2000};
};
struct TransportLevelMarking {  // §8.2.12
  Marking marking;
  bool operator==(const TransportLevelMarking&) const = default;
};

struct MeasurementMethod {  // §8.2.40
  bool time = false;
  bool volume = false;
  bool events = false;
};
struct ReportingTriggersValue {  // §8.2.19; two octets in Release 15, three since
  uint32_t triggers = 0;         // ReportingTriggers, or a bit that is not known here
};
struct MeasurementInformation {  // §8.2.68
  static constexpr uint8_t kBeforeQos = 0x01;
  static constexpr uint8_t kInactive = 0x02;
  static constexpr uint8_t kImmediateTime = 0x08;
  static constexpr uint8_t kPackets = 0x10;
  uint8_t flags = 0;
};
struct VolumeThreshold {  // §8.2.13
  Volumes volumes;
};
struct VolumeQuota {  // §8.2.50
  Volumes volumes;
};
struct VolumeMeasurement {  // §8.2.44
  UsageTotals totals;
  bool has_packets = false;
};
// §8.2.41: why a usage report is sent. The first octet is the lowest.
struct UsageReportTrigger {
  static constexpr uint32_t kPeriodic = 0x000001;
  static constexpr uint32_t kVolumeThreshold = 0x000002;
  static constexpr uint32_t kTimeThreshold = 0x000004;
  static constexpr uint32_t kQuotaHoldingTime = 0x000008;
  static constexpr uint32_t kStartOfTraffic = 0x000010;
  static constexpr uint32_t kStopOfTraffic = 0x000020;
  static constexpr uint32_t kDroppedDownlink = 0x000040;
  static constexpr uint32_t kImmediate = 0x000080;
  static constexpr uint32_t kVolumeQuota = 0x000100;
  static constexpr uint32_t kTimeQuota = 0x000200;
  static constexpr uint32_t kLinkedUsage = 0x000400;
  static constexpr uint32_t kTermination = 0x000800;
  static constexpr uint32_t kMonitoringTime = 0x001000;
  static constexpr uint32_t kEventThreshold = 0x008000;
  static constexpr uint32_t kEventQuota = 0x010000;
  static constexpr uint32_t kTerminatedByUpf = 0x020000;
  static constexpr uint32_t kQuotaValidityTime = 0x080000;
  uint32_t triggers = 0;
};
struct ReportType {  // §8.2.21
  static constexpr uint8_t kDownlinkData = 0x01;
  static constexpr uint8_t kUsage = 0x02;
  static constexpr uint8_t kErrorIndication = 0x04;
  uint8_t types = 0;
};
struct PfcpSmReqFlags {  // §8.2.33
  static constexpr uint8_t kDropBuffered = 0x01;
  static constexpr uint8_t kSendEndMarkers = 0x02;
  static constexpr uint8_t kQueryAllUrrs = 0x04;
  uint8_t flags = 0;
};

// Values that are one number of 32 bits: seconds, counts and identifiers.
#define PFCP_NUMBER(T)                         \
  struct T {                                   \
    uint32_t value = 0;                        \
    bool operator==(const T&) const = default; \
  };
PFCP_NUMBER(MeasurementPeriod)        // §8.2.42
PFCP_NUMBER(TimeThreshold)            // §8.2.14
PFCP_NUMBER(TimeQuota)                // §8.2.51
PFCP_NUMBER(QuotaHoldingTime)         // §8.2.48
PFCP_NUMBER(QuotaValidityTime)        // §8.2.128
PFCP_NUMBER(InactivityDetectionTime)  // §8.2.18
PFCP_NUMBER(EventThreshold)           // §8.2.113
PFCP_NUMBER(EventQuota)               // §8.2.112
PFCP_NUMBER(LinkedUrrId)              // §8.2.55
PFCP_NUMBER(UrSeqn)                   // §8.2.71
PFCP_NUMBER(DurationMeasurement)      // §8.2.45
PFCP_NUMBER(QueryUrrReference)        // §8.2.90
#undef PFCP_NUMBER

// Values that are a time of day, in whole seconds until 2036.
#define PFCP_TIME(T)               \
  struct T {                       \
    std::chrono::sys_seconds time; \
  };
PFCP_TIME(StartTime)          // §8.2.52
PFCP_TIME(EndTime)            // §8.2.53
PFCP_TIME(TimeOfFirstPacket)  // §8.2.46
PFCP_TIME(TimeOfLastPacket)   // §8.2.47
#undef PFCP_TIME

struct DownlinkDataNotificationDelay {  // §8.2.28, in steps of 50 ms
  std::chrono::milliseconds time{0};
};
struct SuggestedBufferingPacketsCount {  // §8.2.100
  uint8_t packets = 0;
};
struct DlBufferingSuggestedPacketCount {  // §8.2.30; one or two octets
  uint16_t packets = 0;
};
struct DlBufferingDuration {  // §8.2.29; nullopt: for ever
  std::optional<std::chrono::seconds> time = {};
};
struct DownlinkDataServiceInformation {  // §8.2.27
  std::optional<uint8_t> paging_policy = {};
  std::optional<Qfi> qfi = {};
};
struct PfcpSrRspFlags {  // §8.2.34
  bool drop_buffered = false;
};

struct GateStatus {  // §8.2.7
  bool uplink_open = true;
  bool downlink_open = true;
};

// §8.2.65: when a node started; changes exactly when it lost its state. Whole seconds, until 2036.
struct RecoveryTimeStamp {
  std::chrono::sys_seconds time;
  auto operator<=>(const RecoveryTimeStamp&) const = default;
};

struct AssociationSetupResponseFlags {  // §8.2.139 PFCPASRsp-Flags
  bool sessions_retained = false;       // PSREI
};

struct OffendingIe {  // §8.2.22
  IeType type{};
};

struct PdnType {  // §8.2.79
  static constexpr uint8_t kIpv4 = 1;
  static constexpr uint8_t kIpv6 = 2;
  static constexpr uint8_t kIpv4v6 = 3;
  static constexpr uint8_t kNonIp = 4;
  static constexpr uint8_t kEthernet = 5;
  uint8_t value = kIpv4;
};

PFCP_CODEC(Cause, kCause)
PFCP_CODEC(NodeId, kNodeId)
PFCP_CODEC(FSeid, kFSeid)
PFCP_CODEC(FTeid, kFTeid)
PFCP_CODEC(PdrId, kPdrId)
PFCP_CODEC(FarId, kFarId)
PFCP_CODEC(QerId, kQerId)
PFCP_CODEC(Qfi, kQfi)
PFCP_CODEC(Precedence, kPrecedence)
PFCP_CODEC(SourceInterface, kSourceInterface)
PFCP_CODEC(DestinationInterface, kDestinationInterface)
PFCP_CODEC(NetworkInstance, kNetworkInstance)
PFCP_CODEC(Dnn, kApnDnn)
PFCP_CODEC(SNssai, kSNssai)
PFCP_CODEC(UeIpAddress, kUeIpAddress)
PFCP_CODEC(SdfFilterValue, kSdfFilter)
PFCP_CODEC(OuterHeaderRemoval, kOuterHeaderRemoval)
PFCP_CODEC(OuterHeaderCreation, kOuterHeaderCreation)
PFCP_CODEC(ApplyAction, kApplyAction)
PFCP_CODEC(UrrId, kUrrId)
PFCP_CODEC(MeasurementMethod, kMeasurementMethod)
PFCP_CODEC(ReportingTriggersValue, kReportingTriggers)
PFCP_CODEC(MeasurementInformation, kMeasurementInformation)
PFCP_CODEC(VolumeThreshold, kVolumeThreshold)
PFCP_CODEC(VolumeQuota, kVolumeQuota)
PFCP_CODEC(VolumeMeasurement, kVolumeMeasurement)
PFCP_CODEC(UsageReportTrigger, kUsageReportTrigger)
PFCP_CODEC(ReportType, kReportType)
PFCP_CODEC(PfcpSmReqFlags, kPfcpSmReqFlags)
PFCP_CODEC(MeasurementPeriod, kMeasurementPeriod)
PFCP_CODEC(TimeThreshold, kTimeThreshold)
PFCP_CODEC(TimeQuota, kTimeQuota)
PFCP_CODEC(QuotaHoldingTime, kQuotaHoldingTime)
PFCP_CODEC(QuotaValidityTime, kQuotaValidityTime)
PFCP_CODEC(InactivityDetectionTime, kInactivityDetectionTime)
PFCP_CODEC(EventThreshold, kEventThreshold)
PFCP_CODEC(EventQuota, kEventQuota)
PFCP_CODEC(LinkedUrrId, kLinkedUrrId)
PFCP_CODEC(UrSeqn, kUrSeqn)
PFCP_CODEC(DurationMeasurement, kDurationMeasurement)
PFCP_CODEC(QueryUrrReference, kQueryUrrReference)
PFCP_CODEC(StartTime, kStartTime)
PFCP_CODEC(EndTime, kEndTime)
PFCP_CODEC(TimeOfFirstPacket, kTimeOfFirstPacket)
PFCP_CODEC(TimeOfLastPacket, kTimeOfLastPacket)
PFCP_CODEC(BarId, kBarId)
PFCP_CODEC(DownlinkDataNotificationDelay, kDownlinkDataNotificationDelay)
PFCP_CODEC(SuggestedBufferingPacketsCount, kSuggestedBufferingPacketsCount)
PFCP_CODEC(DlBufferingDuration, kDlBufferingDuration)
PFCP_CODEC(DlBufferingSuggestedPacketCount, kDlBufferingSuggestedPacketCount)
PFCP_CODEC(DownlinkDataServiceInformation, kDownlinkDataServiceInformation)
PFCP_CODEC(PfcpSrRspFlags, kPfcpSrRspFlags)
PFCP_CODEC(GateStatus, kGateStatus)
PFCP_CODEC(Mbr, kMbr)
PFCP_CODEC(Gbr, kGbr)
PFCP_CODEC(Rqi, kRqi)
PFCP_CODEC(PagingPolicyIndicator, kPagingPolicyIndicator)
PFCP_CODEC(AveragingWindow, kAveragingWindow)
PFCP_CODEC(TransportLevelMarking, kTransportLevelMarking)
PFCP_CODEC(RecoveryTimeStamp, kRecoveryTimeStamp)
PFCP_CODEC(AssociationSetupResponseFlags, kPfcpAsRspFlags)
PFCP_CODEC(OffendingIe, kOffendingIe)
PFCP_CODEC(FailedRuleId, kFailedRuleId)
PFCP_CODEC(PdnType, kPdnType)

}  // namespace sluice::upf::pfcp
