#include "notify/notification_config.h"

#include <unistd.h>

#include <algorithm>

namespace sluice::notify {
namespace {

std::chrono::milliseconds milliseconds(ConfigNode& node, const char* key, int64_t fallback,
                                       int64_t low, int64_t high) {
  return std::chrono::milliseconds(node.integer(key, fallback, low, high));
}

std::chrono::seconds seconds(ConfigNode& node, const char* key, int64_t fallback, int64_t low,
                             int64_t high) {
  return std::chrono::seconds(node.integer(key, fallback, low, high));
}

size_t count(ConfigNode& node, const char* key, int64_t fallback, int64_t low, int64_t high) {
  return static_cast<size_t>(node.integer(key, fallback, low, high));
}

WebSocketOptions read_websocket(ConfigNode node) {
  WebSocketOptions out;
  out.address = node.parsed<IpAddress>("address", IpAddress::parse)
                    .value_or(IpAddress(Ipv4Address(0x7f00'0001)));
  out.port = static_cast<uint16_t>(node.integer("port", 8081, 1, 65'535));
  out.public_uri = read_public_uri(node, "public_uri", {"ws", "wss"});
  if (out.public_uri.empty() && (out.address == IpAddress() || out.address == Ipv4Address())) {
    node.problem("public_uri", "is needed where the address is that of all interfaces");
  }
  out.connections = count(node, "connections", 1'000, 1, 100'000);
  out.idle = seconds(node, "idle_s", 30, 2, 3600);
  return out;
}

}  // namespace

std::string read_public_uri(ConfigNode& node, std::string_view key,
                            const std::vector<std::string>& schemes) {
  const auto uri = node.text(key, "");
  if (uri.empty()) return uri;
  const bool known = std::ranges::any_of(schemes, [&](const std::string& scheme) {
    return uri.starts_with(scheme + "://") && uri.size() > scheme.size() + 3;
  });
  const bool clean = std::ranges::all_of(uri, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!known || !clean || uri.ends_with('/') || uri.find_first_of("?#\"") != std::string::npos) {
    node.problem(key, fmt::format("'{}' is not {}://HOST[:PORT][/PATH] without a final slash", uri,
                                  fmt::join(schemes, ":// or ")));
  }
  return uri;
}

NotificationOptions read_notification_options(ConfigNode node) {
  NotificationOptions out;
  out.callbacks.allow = node.parsed_list<IpPrefix>("allow", IpPrefix::parse);
  out.callbacks.deny = node.parsed_list<IpPrefix>("deny", IpPrefix::parse);
  out.http.connect_timeout = milliseconds(node, "connect_timeout_ms", 3'000, 50, 60'000);
  out.http.timeout = milliseconds(node, "timeout_ms", 10'000, 100, 120'000);
  out.http.ca_file = node.text("ca_file", "");
  if (!out.http.ca_file.empty() && access(out.http.ca_file.c_str(), R_OK) != 0) {
    node.problem("ca_file", fmt::format("'{}' cannot be read", out.http.ca_file));
  }
  auto& courier = out.courier;
  courier.prompt_places = count(node, "concurrent", 64, 1, 10'000);
  out.http.connections = count(node, "connections", 1'024, 8, 100'000);
  if (out.http.connections <= courier.prompt_places) {
    node.problem("connections", "must be more than concurrent");
  } else {
    courier.slow_places = out.http.connections - courier.prompt_places;
  }
  courier.queue = count(node, "queue", 500, 1, 100'000);
  courier.queue_bytes = count(node, "queue_bytes", 1 << 20, 1024, 1 << 30);
  courier.owner_queue_bytes = count(node, "app_queue_bytes", 16 << 20, 1024, 1 << 30);
  courier.keep = seconds(node, "keep_s", 3'600, 1, 30 * 86'400);
  courier.backoff.first = milliseconds(node, "retry_first_ms", 500, 1, 60'000);
  courier.backoff.longest = seconds(node, "retry_longest_s", 60, 1, 86'400);
  courier.test_attempts = static_cast<unsigned>(node.integer("test_attempts", 3, 1, 100));
  out.expiry_notice = seconds(node, "expiry_notice_s", 30, 1, 86'400);
  if (node.has("websocket")) {
    out.websocket = read_websocket(node.child("websocket"));
    out.callbacks.own_ports.push_back(out.websocket->port);
  }
  return out;
}

}  // namespace sluice::notify
