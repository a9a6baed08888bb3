// The values of what few URRs have: a monitoring time and what is in force after it, dropped
// traffic, a number of reports.
#pragma once

#include <cstdint>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

struct MonitoringTime {  // §8.2.17, in whole seconds until 2036
  std::chrono::sys_seconds time;
};
struct SubsequentVolumeThreshold {  // §8.2.18
  Volumes volumes;
};
struct SubsequentVolumeQuota {  // §8.2.86
  Volumes volumes;
};
struct SubsequentTimeThreshold {  // §8.2.19
  uint32_t value = 0;
};
struct SubsequentTimeQuota {  // §8.2.87
  uint32_t value = 0;
};
struct SubsequentEventThreshold {  // §8.2.107
  uint32_t value = 0;
};
struct SubsequentEventQuota {  // §8.2.106
  uint32_t value = 0;
};
struct UsageInformation {  // §8.2.59: of which side of a monitoring time a report tells
  static constexpr uint8_t kBefore = 0x01;
  static constexpr uint8_t kAfter = 0x02;
  uint8_t flags = 0;
};

struct DroppedDlTrafficThreshold {  // §8.2.49
  DroppedTraffic traffic;
};
struct NumberOfReports {  // §8.2.133
  uint16_t value = 0;
};

PFCP_CODEC(DroppedDlTrafficThreshold, kDroppedDlTrafficThreshold)
PFCP_CODEC(NumberOfReports, kNumberOfReports)
PFCP_CODEC(MonitoringTime, kMonitoringTime)
PFCP_CODEC(SubsequentVolumeThreshold, kSubsequentVolumeThreshold)
PFCP_CODEC(SubsequentVolumeQuota, kSubsequentVolumeQuota)
PFCP_CODEC(SubsequentTimeThreshold, kSubsequentTimeThreshold)
PFCP_CODEC(SubsequentTimeQuota, kSubsequentTimeQuota)
PFCP_CODEC(SubsequentEventThreshold, kSubsequentEventThreshold)
PFCP_CODEC(SubsequentEventQuota, kSubsequentEventQuota)
PFCP_CODEC(UsageInformation, kUsageInformation)

}  // namespace sluice::upf::pfcp
