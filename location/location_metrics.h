// What /metrics says of the Location API.
#pragma once

#include <prometheus/collectable.h>

#include "location/location_service.h"

namespace sluice::location {

class LocationMetrics final : public prometheus::Collectable {
 public:
  // `service` must outlive the endpoint that collects. `prefix` is the program's, "sluice_mep".
  LocationMetrics(const LocationService& service, std::string prefix)
      : service_(service), prefix_(std::move(prefix)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const LocationService& service_;
  const std::string prefix_;
};

}  // namespace sluice::location
