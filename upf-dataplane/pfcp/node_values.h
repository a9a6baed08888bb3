// The values of node procedures, and of load and overload control.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// §8.2.25: octets 5 on, the first in the lowest byte.
struct UpFunctionFeatures {
  static constexpr uint64_t kNotificationDelay = 1U << 1;    // DDND
  static constexpr uint64_t kBufferingDuration = 1U << 2;    // DLBD
  static constexpr uint64_t kFTeidAllocation = 1U << 4;      // FTUP
  static constexpr uint64_t kPfdManagement = 1U << 5;        // PFDM
  static constexpr uint64_t kRedirection = 1U << 7;          // TREU
  static constexpr uint64_t kEndMarkers = 1U << 8;           // EMPU
  static constexpr uint64_t kTrafficEndpoints = 1U << 9;     // PDIU
  static constexpr uint64_t kBufferingControl = 1U << 10;    // UDBC
  static constexpr uint64_t kQuotaAction = 1U << 11;         // QUOAC
  static constexpr uint64_t kFramedRouting = 1U << 13;       // FRRT
  static constexpr uint64_t kUeAddresses = 1U << 18;         // UEIP
  static constexpr uint64_t kPacketCounts = 1U << 20;        // MNOP
  static constexpr uint64_t kQuotaValidity = 1U << 26;       // VTIME
  static constexpr uint64_t kNumberOfReports = 1U << 27;     // NORP
  static constexpr uint64_t kIpv6PrefixLength = 1U << 29;    // IP6PL
  static constexpr uint64_t kSmallData = uint64_t{1} << 36;  // CIOT
  uint64_t bits = 0;
};

struct CpFunctionFeatures {  // §8.2.58: octets 5 on, the first in the lowest byte
  static constexpr uint64_t kLoadControl = 1U << 0;      // LOAD
  static constexpr uint64_t kOverloadControl = 1U << 1;  // OVRL
  uint64_t bits = 0;
  bool has(uint64_t feature) const { return (bits & feature) != 0; }
};
struct SequenceNumber {  // §8.2.35
  uint32_t value = 0;
};
struct Metric {  // §8.2.36: percent
  uint8_t percent = 0;
};
struct Timer {  // §8.2.39: how long overload control lasts; as DlBufferingDuration is written
  std::chrono::seconds time{0};
};
struct PfcpAssociationReleaseRequest {  // §8.2.75
  bool by_us = false;                   // SARR: the UP function asks for the release
};
struct GracefulReleasePeriod {  // §8.2.76
  std::chrono::seconds time{0};
};
struct NodeReportType {  // §8.2.69
  static constexpr uint8_t kPathFailure = 0x01;
  static constexpr uint8_t kPathRecovery = 0x02;
  uint8_t types = 0;
};
struct RemoteGtpUPeer {  // §8.2.70
  IpAddress address;
};

PFCP_CODEC(UpFunctionFeatures, kUpFunctionFeatures)
PFCP_CODEC(CpFunctionFeatures, kCpFunctionFeatures)
PFCP_CODEC(SequenceNumber, kSequenceNumber)
PFCP_CODEC(Metric, kMetric)
PFCP_CODEC(Timer, kTimer)
PFCP_CODEC(PfcpAssociationReleaseRequest, kPfcpAssociationReleaseRequest)
PFCP_CODEC(GracefulReleasePeriod, kGracefulReleasePeriod)
PFCP_CODEC(NodeReportType, kNodeReportType)
PFCP_CODEC(RemoteGtpUPeer, kRemoteGtpUPeer)

}  // namespace sluice::upf::pfcp
