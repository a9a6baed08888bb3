// What Prometheus is told about notifications.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

#include "notify/notifications.h"

namespace sluice::notify {

class NotificationMetrics final : public prometheus::Collectable {
 public:
  // `notifications` must outlive the endpoint that collects. `prefix` is the program's,
  // "sluice_mep".
  NotificationMetrics(const Notifications& notifications, std::string prefix)
      : notifications_(notifications), prefix_(std::move(prefix)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Notifications& notifications_;
  const std::string prefix_;
};

}  // namespace sluice::notify
