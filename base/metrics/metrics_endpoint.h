// The Prometheus endpoint of a program whose state belongs to one event loop.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/metrics/families.h"
#include "base/net/ip_address.h"

namespace prometheus {
class Exposer;
}

namespace sluice {

// Serves GET /metrics on a thread of its own and collects on the loop's thread, so that what is
// collected needs no locks. A loop that is not running answers with nothing.
class MetricsEndpoint {
 public:
  using Collect = std::function<void(MetricFamilies&)>;

  // kUnavailable when the address cannot be bound.
  static Result<std::unique_ptr<MetricsEndpoint>> start(const IpAddress& address, uint16_t port,
                                                        EventLoop& loop, Collect collect);
  ~MetricsEndpoint();

 private:
  class Collector;
  MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer,
                  std::shared_ptr<Collector> collector);

  std::unique_ptr<prometheus::Exposer> exposer_;
  std::shared_ptr<Collector> collector_;
};

}  // namespace sluice
