// What the DNS server tells Prometheus.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

#include "mep/dns/counters.h"

namespace sluice::mep::dns {

class DnsMetrics final : public prometheus::Collectable {
 public:
  // `counters` must outlive it.
  explicit DnsMetrics(const Counters& counters) : counters_(counters) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Counters& counters_;
};

}  // namespace sluice::mep::dns
