#include "feeds/feed_site.h"

#include "base/metrics/families.h"

namespace sluice::feeds {

FeedOptions read_feed_options(ConfigNode node) {
  FeedOptions out;
  out.state.users = static_cast<size_t>(node.integer("users", 200'000, 1, 10'000'000));
  out.state.cells = static_cast<size_t>(node.integer("cells", 10'000, 1, 100'000));
  out.streams = static_cast<size_t>(node.integer("streams", 16, 1, 1'000));
  out.stale_after = std::chrono::seconds(node.integer("stale_after_s", 60, 1, 86'400));
  out.forget_after = std::chrono::seconds(node.integer("forget_after_s", 3'600, 1, 604'800));
  out.max_ahead = std::chrono::seconds(node.integer("max_ahead_s", 5, 0, 3'600));
  return out;
}

std::vector<prometheus::MetricFamily> FeedMetrics::Collect() const {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const auto counts = feed_.counts();
  const auto [users, cells] = feed_.read(
      [](const RanState& state) { return std::pair(state.users(), state.cells().size()); });
  MetricFamilies out;
  out.counter(prefix_ + "_feed_lines_total", "Lines of reports from the radio network")
      .add({{"result", "accepted"}}, number(counts.accepted))
      .add({{"result", "late"}}, number(counts.late))
      .add({{"result", "refused"}}, number(counts.refused));
  out.gauge(prefix_ + "_feed_streams", "Streams of reports that are open")
      .add(number(feed_.streams()));
  out.gauge(prefix_ + "_feed_users", "Users that reports were about").add(number(users));
  out.gauge(prefix_ + "_feed_cells", "Cells in the map").add(number(cells));
  return out.release();
}

}  // namespace sluice::feeds
