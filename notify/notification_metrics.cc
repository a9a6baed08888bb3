#include "notify/notification_metrics.h"

#include "base/metrics/families.h"

namespace sluice::notify {

std::vector<prometheus::MetricFamily> NotificationMetrics::Collect() const {
  const auto counts = notifications_.statistics().totals();
  const auto number = [](auto value) { return static_cast<double>(value); };
  MetricFamilies out;
  out.counter(prefix_ + "_notifications_total",
              "Notifications by what became of them, one for each subscriber of an event")
      .add({{"outcome", "delivered"}}, number(counts.delivered))
      .add({{"outcome", "refused"}}, number(counts.refused))
      .add({{"outcome", "dropped"}}, number(counts.dropped));
  out.counter(prefix_ + "_notification_attempts_failed_total",
              "Deliveries that did not reach the receiver or that it turned away for now")
      .add(number(counts.failed));
  out.counter(prefix_ + "_notification_retries_total",
              "Deliveries after the first of a notification")
      .add(number(counts.retried));
  out.gauge(prefix_ + "_notifications_queued", "Notifications that are not delivered yet")
      .add(number(counts.queued));
  out.gauge(prefix_ + "_subscriptions", "Subscriptions of all APIs")
      .add(number(notifications_.statistics().subscriptions()));
  out.gauge(prefix_ + "_websocket_connections", "Clients that receive over WebSocket")
      .add(number(notifications_.websocket_connections()));
  return out.release();
}

}  // namespace sluice::notify
