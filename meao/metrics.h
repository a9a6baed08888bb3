// What sluice-meao tells Prometheus.
#pragma once

#include <prometheus/collectable.h>

#include "meao/catalogue/catalogue.h"

namespace sluice::meao {

// Gauges that are computed when asked for.
class CatalogueMetrics final : public prometheus::Collectable {
 public:
  // `catalogue` must outlive it.
  explicit CatalogueMetrics(const Catalogue& catalogue) : catalogue_(catalogue) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Catalogue& catalogue_;
};

}  // namespace sluice::meao
