// The Prometheus endpoint of a program.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"

namespace sluice {

// Serves GET /metrics of all of `collected` at the address until destroyed, on a thread of its own:
// they are collected there. Holds them weakly. kUnavailable when the address cannot be bound.
Result<std::unique_ptr<prometheus::Exposer>> serve_metrics(
    const IpAddress& address, uint16_t port,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collected);

}  // namespace sluice
