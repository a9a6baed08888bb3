// Rates in packets: what QERs of small data have (TS 29.244 §5.21).
#pragma once

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// §8.2.63. Additional packets, beyond the rate and for exception reports alone (APRC), are refused:
// a packet does not tell what it reports.
struct PacketRateValue {
  PacketRates rates;
  bool operator==(const PacketRateValue&) const = default;
};

// §8.2.139: what is left; additional packets are read over.
struct PacketRateStatus {
  PacketRateLeft left;
  bool operator==(const PacketRateStatus&) const = default;
};

struct QerControlIndications {                        // §8.2.174
  static constexpr uint8_t kRateStatusReport = 0x01;  // RCSR
  uint8_t flags = 0;
};

PFCP_CODEC(PacketRateValue, kPacketRate)
PFCP_CODEC(PacketRateStatus, kPacketRateStatus)
PFCP_CODEC(QerControlIndications, kQerControlIndications)

}  // namespace sluice::upf::pfcp
