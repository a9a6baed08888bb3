// What a program needs to have the feed among its services: its configuration and its metrics.
#pragma once

#include <prometheus/collectable.h>

#include "base/config/config_node.h"
#include "feeds/ran_feed.h"

namespace sluice::feeds {

// The keys are documented in README.md.
FeedOptions read_feed_options(ConfigNode node);

class FeedMetrics final : public prometheus::Collectable {
 public:
  // `feed` must outlive the endpoint that collects. `prefix` is the program's, "sluice_mep".
  FeedMetrics(const RanFeed& feed, std::string prefix) : feed_(feed), prefix_(std::move(prefix)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const RanFeed& feed_;
  const std::string prefix_;
};

}  // namespace sluice::feeds
