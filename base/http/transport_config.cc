#include "base/http/transport_config.h"

#include <unistd.h>

#include <array>

namespace sluice::http {

TransportOptions read_transport(ConfigNode& node, uint16_t default_port) {
  TransportOptions out;
  out.address = node.parsed<IpAddress>("address", IpAddress::parse)
                    .value_or(IpAddress(Ipv4Address(0x7f00'0001)));
  out.port = static_cast<uint16_t>(node.integer("port", default_port, 1, 65'535));
  out.threads = static_cast<size_t>(node.integer("threads", 2, 1, 64));
  out.trusted_proxies = node.parsed_list<IpPrefix>("trusted_proxies", IpPrefix::parse);
  return out;
}

void read_request_limits(ConfigNode& node, TransportLimits& transport, JsonLimits& json,
                         RateLimit& rate) {
  constexpr int64_t kMebi = 1 << 20;
  const auto size = [&](const char* key, int64_t fallback, int64_t low, int64_t high) {
    return static_cast<size_t>(node.integer(key, fallback, low, high));
  };
  transport.parser.max_body = size("body_bytes", 4 * kMebi, 1024, 64 * kMebi);
  transport.body_budget = size("all_bodies_bytes", 256 * kMebi, kMebi, 65'536 * kMebi);
  transport.stranger_body_budget = transport.body_budget / 8;
  transport.reply_budget = size("all_replies_bytes", 256 * kMebi, kMebi, 65'536 * kMebi);
  transport.min_read_rate = size("read_bytes_per_s", 16'384, 0, 1024 * kMebi);
  transport.max_connections = size("connections", 10'000, 1, 1'000'000);
  transport.max_streams = size("streams", 128, 1, 10'000);
  transport.parser.max_request_line = size("uri_bytes", 8192, 256, kMebi);
  transport.parser.max_header = size("header_bytes", 16'384, 1024, kMebi);
  json.max_depth = size("json_depth", 32, 4, 200);
  json.max_values = size("json_values", 500'000, 100, 100'000'000);
  rate.requests_per_s = static_cast<double>(node.integer("requests_per_s", 1'000, 0, 10'000'000));
  rate.burst = static_cast<double>(node.integer("burst", 2'000, 1, 10'000'000));
}

std::string default_public_uri(const IpAddress& address, uint16_t port) {
  std::string host = address.to_string();
  if (host == "0.0.0.0" || host == "::") {
    std::array<char, 256> name{};
    host = gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
  }
  if (host.contains(':')) host = "[" + host + "]";
  return fmt::format("http://{}:{}", host, port);
}

}  // namespace sluice::http
