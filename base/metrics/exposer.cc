#include "base/metrics/exposer.h"

namespace sluice {

Result<std::unique_ptr<prometheus::Exposer>> serve_metrics(
    const IpAddress& address, uint16_t port,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collected) {
  const auto host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
  const auto bind = fmt::format("{}:{}", host, port);
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(bind, 1);
    for (const auto& collectable : collected) exposer->RegisterCollectable(collectable);
    return exposer;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kUnavailable, "metrics: cannot listen at {}: {}", bind, error.what());
  }
}

}  // namespace sluice
