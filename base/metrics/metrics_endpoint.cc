#include "base/metrics/metrics_endpoint.h"

#include <chrono>
#include <future>

#include "base/metrics/exposer.h"

namespace sluice {
namespace {

// A loop that takes longer is stuck or gone; the scrape then shows nothing, which alerts.
constexpr std::chrono::seconds kPatience{2};

}  // namespace

class MetricsEndpoint::Collector final : public prometheus::Collectable {
 public:
  Collector(EventLoop& loop, MetricsEndpoint::Collect collect)
      : loop_(loop), collect_(std::move(collect)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    auto done = std::make_shared<std::promise<std::vector<prometheus::MetricFamily>>>();
    auto families = done->get_future();
    // The posted work may run after we gave up on it: it owns what it touches, and `collect_` is
    // the loop owner's business.
    loop_.post([done, collect = collect_] {
      MetricFamilies out;
      collect(out);
      done->set_value(out.release());
    });
    if (families.wait_for(kPatience) != std::future_status::ready) return {};
    return families.get();
  }

 private:
  EventLoop& loop_;
  MetricsEndpoint::Collect collect_;
};

Result<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::start(const IpAddress& address,
                                                                uint16_t port, EventLoop& loop,
                                                                Collect collect) {
  auto collector = std::make_shared<Collector>(loop, std::move(collect));
  auto exposer = serve_metrics(address, port, {collector});
  if (!exposer) return std::unexpected(exposer.error());
  return std::unique_ptr<MetricsEndpoint>(
      new MetricsEndpoint(std::move(*exposer), std::move(collector)));
}

MetricsEndpoint::MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer,
                                 std::shared_ptr<Collector> collector)
    : exposer_(std::move(exposer)), collector_(std::move(collector)) {}

MetricsEndpoint::~MetricsEndpoint() = default;

}  // namespace sluice
