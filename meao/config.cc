#include "meao/config.h"

#include <unistd.h>

#include "app-package/reader_config.h"
#include "base/http/transport_config.h"
#include "notify/notification_config.h"

namespace sluice::meao {
namespace {

constexpr uint16_t kDefaultHttpPort = 8090;
constexpr uint16_t kDefaultMetricsPort = 9111;

void read_packages(ConfigNode node, MeaoConfig& config) {
  constexpr int64_t kMebi = 1 << 20;
  auto& out = config.packages;
  app_package::read_reader_options(node, out.reader);
  out.max_packages = static_cast<size_t>(node.integer("count", 10'000, 1, 1'000'000));
  out.max_size =
      static_cast<uint64_t>(node.integer("max_bytes", 8192 * kMebi, kMebi, 1024LL * 1024 * kMebi));
  auto fetch = node.child("fetch");
  config.fetch_rules.allow = fetch.parsed_list<IpPrefix>("allow", IpPrefix::parse);
  config.fetch_rules.deny = fetch.parsed_list<IpPrefix>("deny", IpPrefix::parse);
  out.fetch_threads = static_cast<size_t>(fetch.integer("concurrent", 2, 1, 64));
  out.fetch.connect_timeout = std::chrono::seconds(fetch.integer("connect_timeout_s", 10, 1, 300));
  out.fetch.stall_timeout = std::chrono::seconds(fetch.integer("stall_timeout_s", 30, 1, 3600));
  out.fetch.ca_file = fetch.text("ca_file", "");
  if (!out.fetch.ca_file.empty() && access(out.fetch.ca_file.c_str(), R_OK) != 0) {
    fetch.problem("ca_file", "cannot be read");
  }
}

MeaoConfig read(ConfigNode node) {
  MeaoConfig config;
  std::string public_uri;
  {
    auto http = node.child("http");
    config.http = http::read_transport(http, kDefaultHttpPort);
    public_uri = notify::read_public_uri(http, "public_uri", {"http", "https"});
    if (public_uri.empty()) {
      public_uri = http::default_public_uri(config.http.address, config.http.port);
    }
  }
  config.state_directory = node.required_text("state");
  {
    auto metrics = node.child("metrics");
    config.metrics_address = metrics.parsed<IpAddress>("address", IpAddress::parse)
                                 .value_or(IpAddress(Ipv4Address(0x7f00'0001)));
    config.metrics_port =
        static_cast<uint16_t>(metrics.integer("port", kDefaultMetricsPort, 1, 65'535));
  }
  {
    auto auth = node.child("auth");
    config.tokens.lifetime =
        std::chrono::seconds(auth.integer("token_lifetime_s", 600, 10, 86'400));
    config.key_max_age = std::chrono::hours(24 * auth.integer("key_max_age_days", 90, 0, 3650));
    config.tokens.issuer = config.tokens.audience = "sluice-meao";
  }
  config.notifications = notify::read_notification_options(node.child("notifications"));
  config.notifications.public_uri = std::move(public_uri);
  config.notifications.callbacks.own_ports.push_back(config.http.port);
  config.notifications.callbacks.own_ports.push_back(config.metrics_port);
  read_packages(node.child("packages"), config);
  config.fetch_rules.own_ports = config.notifications.callbacks.own_ports;
  config.packages.directory = config.state_directory + "/packages";
  config.http.limits.parser.max_streamed_body = config.packages.max_size;
  {
    auto limits = node.child("limits");
    http::read_request_limits(limits, config.http.limits, config.json, config.rate);
    config.page_size = static_cast<size_t>(limits.integer("page_size", 1'000, 1, 100'000));
    config.subscriptions_per_client =
        static_cast<size_t>(limits.integer("subscriptions_per_client", 100, 1, 100'000));
  }
  config.log_level =
      node.child("log").choice("level", "info", {"trace", "debug", "info", "warn", "error", "off"});
  return config;
}

}  // namespace

Result<MeaoConfig> read_meao_config(const std::string& path) {
  MeaoConfig config;
  auto ok = read_config_file(path, [&](ConfigNode node) { config = read(std::move(node)); });
  if (!ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace sluice::meao
