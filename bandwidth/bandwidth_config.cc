#include "bandwidth/bandwidth_config.h"

#include "mp2/messages.h"

namespace sluice::bandwidth {

BandwidthOptions read_bandwidth_options(ConfigNode node) {
  constexpr auto kMostKbps = static_cast<int64_t>(mp2::GuaranteeEntry::kMaxBps / 1000);
  BandwidthOptions out;
  auto& capacity = out.capacity;
  capacity.uplink_bps = static_cast<uint64_t>(node.integer("uplink_kbps", 0, 0, kMostKbps)) * 1000;
  capacity.downlink_bps =
      static_cast<uint64_t>(node.integer("downlink_kbps", 0, 0, kMostKbps)) * 1000;
  capacity.percent_of_app = static_cast<uint32_t>(node.integer("percent_per_app", 100, 1, 100));
  capacity.allocations = static_cast<size_t>(node.integer("allocations", 1'000, 1, 10'000));
  capacity.allocations_of_app =
      static_cast<size_t>(node.integer("allocations_per_app", 100, 1, 10'000));
  return out;
}

}  // namespace sluice::bandwidth
