#include "location/location_metrics.h"

#include "base/metrics/families.h"

namespace sluice::location {

std::vector<prometheus::MetricFamily> LocationMetrics::Collect() const {
  MetricFamilies out;
  out.counter(prefix_ + "_location_notifications_dropped_total",
              "Notifications that were dropped as the store was slower than the feed")
      .add(static_cast<double>(service_.dropped()));
  return out.release();
}

}  // namespace sluice::location
