#include "mep/registry/service_config.h"

namespace sluice::mep::registry {

LivenessRules read_liveness(ConfigNode node) {
  constexpr int64_t kDay = 86'400;
  const LivenessRules usual;
  LivenessRules out;
  const auto seconds = [&](const char* key, uint32_t fallback) {
    return static_cast<uint32_t>(node.integer(key, fallback, 1, kDay));
  };
  out.shortest_s = seconds("shortest_s", usual.shortest_s);
  out.longest_s = seconds("longest_s", usual.longest_s);
  out.usual_s = seconds("usual_s", usual.usual_s);
  out.grace_percent =
      static_cast<uint32_t>(node.integer("grace_percent", usual.grace_percent, 0, 1000));
  if (out.shortest_s > out.longest_s) node.problem("shortest_s", "is above longest_s");
  return out;
}

void read_service_limits(ConfigNode& node, ServiceOptions& out) {
  const auto count = [&](const char* key, size_t fallback) {
    return static_cast<size_t>(node.integer(key, static_cast<int64_t>(fallback), 1, 1'000'000));
  };
  const auto octets = [&](const char* key, size_t fallback) {
    constexpr int64_t kLeast = 64 * 1024;  // one service
    return static_cast<size_t>(
        node.integer(key, static_cast<int64_t>(fallback), kLeast, int64_t{1} << 36));
  };
  out.limits.services = count("services", out.limits.services);
  out.limits.bytes = octets("services_bytes", out.limits.bytes);
  out.limits.services_of_app = count("services_per_app", out.limits.services_of_app);
  out.limits.bytes_of_app = octets("services_bytes_per_app", out.limits.bytes_of_app);
  out.subscriptions_of_app = count("subscriptions_per_app", out.subscriptions_of_app);
}

}  // namespace sluice::mep::registry
