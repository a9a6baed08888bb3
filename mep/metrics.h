// What sluice-mep tells Prometheus.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "mep/provisioning/rule_status.h"
#include "mep/store/store.h"

namespace sluice::mep {

// Gauges that are computed when asked for: they cannot disagree with what Mm5 shows.
class SteeringMetrics final : public prometheus::Collectable {
 public:
  SteeringMetrics(const Store& store, const RuleStatusView& rule_status)
      : store_(store), rule_status_(rule_status) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Store& store_;
  const RuleStatusView& rule_status_;
};

class Metrics {
 public:
  Metrics(const Store& store, const RuleStatusView& rule_status);

  // Counts a reply by its status code. From any thread.
  void count_reply(int status);

  // More that is collected; before serve().
  void also(std::shared_ptr<prometheus::Collectable> collectable) {
    more_.push_back(std::move(collectable));
  }

  // Serves /metrics until destroyed. kUnavailable when the address cannot be bound.
  Result<void> serve(const IpAddress& address, uint16_t port);

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  static constexpr int kMaxStatus = 599;
  prometheus::Family<prometheus::Counter>& replies_;
  std::array<std::atomic<prometheus::Counter*>, kMaxStatus + 1> replies_by_status_{};
  std::shared_ptr<SteeringMetrics> steering_;
  std::vector<std::shared_ptr<prometheus::Collectable>> more_;
  std::unique_ptr<prometheus::Exposer> exposer_;  // last: it reads the others
};

}  // namespace sluice::mep
