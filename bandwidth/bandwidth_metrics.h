// What Prometheus is told about bandwidth allocations.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

#include "bandwidth/bandwidth_service.h"

namespace sluice::bandwidth {

class BandwidthMetrics final : public prometheus::Collectable {
 public:
  // `service` must outlive the endpoint that collects. `prefix` is the program's, "sluice_mep".
  BandwidthMetrics(const BandwidthService& service, std::string prefix)
      : service_(service), prefix_(std::move(prefix)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const BandwidthService& service_;
  const std::string prefix_;
};

}  // namespace sluice::bandwidth
