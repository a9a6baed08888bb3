#include "mepm/config.h"

#include <algorithm>

#include "app-package/reader_config.h"
#include "base/http/transport_config.h"

namespace sluice::mepm {
namespace {

constexpr uint16_t kDefaultHttpPort = 8092;
constexpr int64_t kMebi = 1 << 20;
constexpr uint32_t kMostAddresses = 4096;

void read_platform(ConfigNode node, MepmConfig& config) {
  auto& out = config.platform;
  out.server.uri = node.text("uri", "http://127.0.0.1:8080");
  out.server.plain_http = node.flag("plain_http", false);
  out.server.ca_file = node.text("ca_file", "");
  out.server.user_agent = "sluice-mepm";
  out.server.connect_timeout_s = 3;
  out.server.longest_s = 15;
  out.credentials = node.text("credentials", "/var/lib/sluice/mep/operator.json");
  config.agent.apps.platform_uri = node.text("app_uri", out.server.uri);
  if (const auto ok = client::HttpClient::open(out.server); !ok) {
    node.problem("uri", ok.error().message);
  }
}

void read_network(ConfigNode node, MepmConfig& config) {
  auto& out = config.podman.network;
  out.bridge = node.required_text("bridge");
  const auto prefix = node.required_parsed<IpPrefix>("prefix", IpPrefix::parse);
  out.prefix_length = prefix.length();
  out.gateway = node.parsed<IpAddress>("gateway", IpAddress::parse);
  out.mtu = static_cast<unsigned>(node.integer("mtu", 1500, 576, 9000));
  config.podman.name_servers = node.texts("name_servers");
  // What is somebody's already: an app that got it would take it from them.
  std::map<IpAddress, std::string> taken;
  if (out.gateway) taken[*out.gateway] = "network.gateway";
  const auto& uri = config.agent.apps.platform_uri;
  auto host = uri.substr(std::min(uri.find("://"), uri.size() - 3) + 3);
  if (const auto address = IpAddress::parse(host.substr(0, host.find_first_of(":/")))) {
    taken[*address] = "the host of platform.app_uri";
  }
  const auto first = node.required_parsed<Ipv4Address>("first_address", Ipv4Address::parse);
  const auto last = node.required_parsed<Ipv4Address>("last_address", Ipv4Address::parse);
  if (!prefix.contains(IpAddress(first)) || !prefix.contains(IpAddress(last))) {
    return node.problem("first_address", "and last_address have to be in the prefix");
  }
  if (last < first || last.value() - first.value() >= kMostAddresses) {
    return node.problem("last_address", "has to be at most 4095 behind first_address");
  }
  if (prefix.is_v4() && prefix.length() < 31) {
    const auto network = prefix.network().v4().value();
    taken[prefix.network()] = "the network itself";
    taken[IpAddress(Ipv4Address(network | (0xffff'ffffU >> prefix.length())))] =
        "the broadcast address";
  }
  for (auto at = first.value(); at <= last.value(); ++at) {
    if (const auto of = taken.find(IpAddress(Ipv4Address(at))); of != taken.end()) {
      return node.problem("first_address", fmt::format("to last_address has {}, which is {}",
                                                       of->first.to_string(), of->second));
    }
    config.agent.apps.addresses.push_back(Ipv4Address(at).to_string());
  }
}

void read_podman(ConfigNode node, MepmConfig& config) {
  auto& out = config.podman;
  out.socket = node.text("socket", out.socket);
  out.owner = node.text("owner", out.owner);
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (out.owner.empty() || out.owner.size() > 16 || !std::ranges::all_of(out.owner, plain)) {
    node.problem("owner", "has to be 1 to 16 small letters and digits");
  }
}

void read_apps(ConfigNode node, MepmConfig& config) {
  auto& apps = config.agent.apps;
  apps.cpu_millis = static_cast<uint32_t>(node.integer("cpu_millis", 1000, 10, 1'000'000));
  apps.memory_bytes =
      static_cast<uint64_t>(node.integer("memory_mb", 256, 4, 1'000'000)) * 1'000'000;
  config.podman.pids = static_cast<uint32_t>(node.integer("pids", 256, 1, 100'000));
  config.podman.open_files = static_cast<uint32_t>(node.integer("open_files", 4096, 64, 1'000'000));
  config.podman.log_bytes =
      static_cast<uint64_t>(node.integer("log_bytes", 10 * kMebi, 65'536, 1024 * kMebi));
  config.agent.start_timeout = std::chrono::seconds(node.integer("start_timeout_s", 60, 1, 3600));
  config.agent.watch_period =
      std::chrono::milliseconds(node.integer("watch_period_ms", 1000, 50, 60'000));
}

MepmConfig read(ConfigNode node) {
  MepmConfig config;
  {
    auto http = node.child("http");
    config.http = http::read_transport(http, kDefaultHttpPort);
  }
  config.state_directory = node.required_text("state");
  {
    auto auth = node.child("auth");
    config.tokens.lifetime =
        std::chrono::seconds(auth.integer("token_lifetime_s", 600, 10, 86'400));
    config.key_max_age = std::chrono::hours(24 * auth.integer("key_max_age_days", 90, 0, 3650));
    config.tokens.issuer = config.tokens.audience = "sluice-mepm";
  }
  read_platform(node.child("platform"), config);
  read_network(node.child("network"), config);
  read_podman(node.child("podman"), config);
  read_apps(node.child("apps"), config);
  {
    auto packages = node.child("packages");
    app_package::read_reader_options(packages, config.agent.reader);
    config.packages.count = static_cast<size_t>(packages.integer("count", 1000, 1, 100'000));
    config.packages.max_bytes = static_cast<uint64_t>(
        packages.integer("max_bytes", 8192 * kMebi, kMebi, 1024LL * 1024 * kMebi));
    config.agent.reader.max_inner = config.packages.max_bytes;
  }
  config.http.limits.parser.max_streamed_body = config.packages.max_bytes;
  {
    auto limits = node.child("limits");
    http::read_request_limits(limits, config.http.limits, config.json, config.rate);
    config.page_size = static_cast<size_t>(limits.integer("page_size", 1'000, 1, 100'000));
  }
  config.log_level =
      node.child("log").choice("level", "info", {"trace", "debug", "info", "warn", "error", "off"});
  return config;
}

}  // namespace

Result<MepmConfig> read_mepm_config(const std::string& path) {
  MepmConfig config;
  auto ok = read_config_file(path, [&](ConfigNode node) { config = read(std::move(node)); });
  if (!ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace sluice::mepm
