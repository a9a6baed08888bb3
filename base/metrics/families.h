// Building what a Prometheus scrape returns, family by family.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

class MetricFamilies {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  struct Bucket {
    double upper_bound = 0;
    uint64_t count = 0;  // in this bucket alone
  };

  // One family while it is filled. Valid until the next family is begun.
  class Family {
   public:
    Family& add(const Labels& labels, double value);
    Family& add(double value) { return add({}, value); }
    // Of a histogram: how many observations were in each bucket, in ascending order of bounds, the
    // last infinite, and the sum of what was observed.
    Family& add(const Labels& labels, const std::vector<Bucket>& buckets, double sum);

   private:
    friend class MetricFamilies;
    explicit Family(prometheus::MetricFamily& family) : family_(family) {}
    prometheus::MetricFamily& family_;
  };

  // Names follow Prometheus' conventions: "sluice_upf_dropped_packets_total". `help` is one
  // sentence.
  Family counter(std::string name, std::string help);
  Family gauge(std::string name, std::string help);
  Family histogram(std::string name, std::string help);

  std::vector<prometheus::MetricFamily> release() { return std::move(families_); }

 private:
  Family begin(std::string name, std::string help, prometheus::MetricType type);
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace sluice
