#include "base/metrics/families.h"

namespace sluice {

MetricFamilies::Family& MetricFamilies::Family::add(const Labels& labels, double value) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  if (family_.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family_.metric.push_back(std::move(metric));
  return *this;
}

MetricFamilies::Family& MetricFamilies::Family::add(const Labels& labels,
                                                    const std::vector<Bucket>& buckets,
                                                    double sum) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  uint64_t total = 0;
  for (const auto& bucket : buckets) {
    total += bucket.count;
    metric.histogram.bucket.push_back(
        {.cumulative_count = total, .upper_bound = bucket.upper_bound});
  }
  metric.histogram.sample_count = total;
  metric.histogram.sample_sum = sum;
  family_.metric.push_back(std::move(metric));
  return *this;
}

MetricFamilies::Family MetricFamilies::counter(std::string name, std::string help) {
  return begin(std::move(name), std::move(help), prometheus::MetricType::Counter);
}

MetricFamilies::Family MetricFamilies::gauge(std::string name, std::string help) {
  return begin(std::move(name), std::move(help), prometheus::MetricType::Gauge);
}

MetricFamilies::Family MetricFamilies::histogram(std::string name, std::string help) {
  return begin(std::move(name), std::move(help), prometheus::MetricType::Histogram);
}

MetricFamilies::Family MetricFamilies::begin(std::string name, std::string help,
                                             prometheus::MetricType type) {
  families_.push_back({std::move(name), std::move(help), type, {}});
  return Family(families_.back());
}

}  // namespace sluice
