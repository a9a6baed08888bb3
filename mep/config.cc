#include "mep/config.h"

#include "bandwidth/bandwidth_config.h"
#include "base/http/transport_config.h"
#include "feeds/feed_site.h"
#include "mep/app-enablement/timing_config.h"
#include "mep/dns/config.h"
#include "mep/registry/service_config.h"
#include "notify/notification_config.h"

namespace sluice::mep {
namespace {

constexpr uint16_t kDefaultHttpPort = 8080;
constexpr uint16_t kDefaultMetricsPort = 9101;

IpAddress address(ConfigNode& node, const char* key) {
  return node.parsed<IpAddress>(key, IpAddress::parse)
      .value_or(IpAddress(Ipv4Address(0x7f00'0001)));
}

uint16_t port(ConfigNode& node, uint16_t fallback) {
  return static_cast<uint16_t>(node.integer("port", fallback, 1, 65535));
}

// `public_uri` gets what clients reach the platform by.
http::TransportOptions read_http(ConfigNode node, std::string& public_uri) {
  auto out = http::read_transport(node, kDefaultHttpPort);
  public_uri = notify::read_public_uri(node, "public_uri", {"http", "https"});
  if (public_uri.empty()) public_uri = http::default_public_uri(out.address, out.port);
  return out;
}

void read_limits(ConfigNode node, MepConfig& config) {
  constexpr int64_t kMebi = 1 << 20;
  http::read_request_limits(node, config.http.limits, config.json, config.rate);
  config.limits.app_instances =
      static_cast<size_t>(node.integer("app_instances", 1'000, 1, 100'000));
  registry::read_service_limits(node, config.services);
  auto& subscriptions = config.subscriptions;
  subscriptions.all = static_cast<size_t>(node.integer("subscriptions", 20'000, 1, 1'000'000));
  subscriptions.octets_of_owner =
      static_cast<size_t>(node.integer("subscriptions_bytes_per_app", 65'536, 4096, 64 * kMebi));
  subscriptions.all_octets =
      static_cast<size_t>(node.integer("subscriptions_bytes", 16 * kMebi, 65'536, 1024 * kMebi));
  config.page_size = static_cast<size_t>(node.integer("page_size", 1'000, 1, 100'000));
  // Both kinds of one Mp2 message have room for this many.
  config.limits.rules =
      static_cast<size_t>(node.integer("rules", 10'000, 1, static_cast<int64_t>(mp2::kMaxEntries)));
}

MepConfig read(ConfigNode node) {
  MepConfig config;
  std::string public_uri;
  config.http = read_http(node.child("http"), public_uri);
  config.state_directory = node.required_text("state");
  {
    auto mp2 = node.child("mp2");
    config.steering.mp2.path = mp2.required_text("socket");
    config.steering.reply_timeout =
        std::chrono::seconds(mp2.integer("reply_timeout_s", 30, 1, 3600));
  }
  {
    auto metrics = node.child("metrics");
    config.metrics_address = address(metrics, "address");
    config.metrics_port = port(metrics, kDefaultMetricsPort);
  }
  {
    auto auth = node.child("auth");
    config.tokens.lifetime =
        std::chrono::seconds(auth.integer("token_lifetime_s", 600, 10, 86'400));
    config.key_max_age = std::chrono::hours(24 * auth.integer("key_max_age_days", 90, 0, 3650));
  }
  config.notifications = notify::read_notification_options(node.child("notifications"));
  config.notifications.public_uri = std::move(public_uri);
  config.notifications.callbacks.own_ports.push_back(config.http.port);
  config.notifications.callbacks.own_ports.push_back(config.metrics_port);
  {
    auto usage = node.child("usage");
    config.usage.interval = std::chrono::seconds(usage.integer("interval_s", 60, 1, 86'400));
    config.usage.max_records =
        static_cast<size_t>(usage.integer("max_records", 100'000, 1, 10'000'000));
  }
  config.bandwidth = bandwidth::read_bandwidth_options(node.child("bandwidth"));
  config.feed = feeds::read_feed_options(node.child("feed"));
  config.http.limits.parser.max_streamed_body = UINT64_MAX;  // of the feed: as long as it lasts
  config.timing = read_timing_options(node.child("timing"));
  config.dns = dns::read_dns_config(node.child("dns"));
  for (const auto& endpoint : config.dns.listen) {
    config.notifications.callbacks.own_ports.push_back(endpoint.port);
  }
  config.steering.default_ttl_s = config.dns.default_ttl_s;
  read_limits(node.child("limits"), config);
  config.bandwidth.subscriptions_of_app = config.services.subscriptions_of_app;
  config.location.subscriptions_of_app = config.services.subscriptions_of_app;
  config.services.liveness = registry::read_liveness(node.child("liveness"));
  config.log_level =
      node.child("log").choice("level", "info", {"trace", "debug", "info", "warn", "error", "off"});
  return config;
}

}  // namespace

Result<MepConfig> read_mep_config(const std::string& path) {
  MepConfig config;
  auto ok = read_config_file(path, [&](ConfigNode node) { config = read(std::move(node)); });
  if (!ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace sluice::mep
