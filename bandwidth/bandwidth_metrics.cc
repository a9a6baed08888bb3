#include "bandwidth/bandwidth_metrics.h"

#include "base/metrics/families.h"

namespace sluice::bandwidth {

std::vector<prometheus::MetricFamily> BandwidthMetrics::Collect() const {
  const auto granted = service_.granted();
  const auto& capacity = service_.capacity();
  const auto number = [](auto value) { return static_cast<double>(value); };
  MetricFamilies out;
  out.gauge(prefix_ + "_bandwidth_granted_bits_per_second", "Sum of the bandwidth allocations")
      .add({{"direction", "uplink"}}, number(granted.uplink_bps))
      .add({{"direction", "downlink"}}, number(granted.downlink_bps));
  out.gauge(prefix_ + "_bandwidth_capacity_bits_per_second",
            "What all bandwidth allocations may have together")
      .add({{"direction", "uplink"}}, number(capacity.uplink_bps))
      .add({{"direction", "downlink"}}, number(capacity.downlink_bps));
  out.gauge(prefix_ + "_bandwidth_allocations", "Bandwidth allocations")
      .add(number(granted.allocations));
  return out.release();
}

}  // namespace sluice::bandwidth
