#include "mep/dns/config.h"

#include <algorithm>

namespace sluice::mep::dns {
namespace {

// Addresses that reach nobody beyond the operator's own networks (RFC 1918, 4193, 6598).
constexpr auto kLocalNetworks = {"127.0.0.0/8",    "10.0.0.0/8",    "172.16.0.0/12",
                                 "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
                                 "::1/128",        "fc00::/7",      "fe80::/10"};

SubnetPolicy read_subnets(ConfigNode node) {
  SubnetPolicy out;
  out.ipv4_bits = static_cast<unsigned>(node.integer("ipv4_prefix", 0, 0, 32));
  out.ipv6_bits = static_cast<unsigned>(node.integer("ipv6_prefix", 0, 0, 128));
  out.site = node.parsed_list<IpPrefix>("site", IpPrefix::parse);
  const auto of_v4 = std::ranges::count_if(out.site, &IpPrefix::is_v4);
  if (of_v4 > 1 || static_cast<long>(out.site.size()) - of_v4 > 1) {
    node.problem("site", "has more than one prefix of a family");
  }
  return out;
}

}  // namespace

DnsConfig read_dns_config(ConfigNode node) {
  DnsConfig out;
  out.default_ttl_s =
      static_cast<uint32_t>(node.integer("default_ttl_s", 60, 0, traffic_rules::kMaxTtlS));
  out.listen = node.parsed_list<Endpoint>("listen", Endpoint::parse);
  auto& forwarder = out.forwarder;
  forwarder.upstreams = node.parsed_list<Endpoint>("upstreams", Endpoint::parse);
  for (const auto& upstream : forwarder.upstreams) {
    if (std::ranges::find(out.listen, upstream) != out.listen.end()) {
      node.problem("upstreams", upstream.to_string() + " is this server itself");
    }
  }
  forwarder.timeout = std::chrono::milliseconds(node.integer("timeout_ms", 1'000, 50, 10'000));
  forwarder.max_outstanding = static_cast<size_t>(node.integer("outstanding", 1'000, 1, 10'000));
  forwarder.mix_case = node.flag("mix_case", true);
  out.resolver.cache_entries =
      static_cast<size_t>(node.integer("cache_entries", 10'000, 0, 1'000'000));
  if (node.has("allow")) {
    out.resolver.allow = node.parsed_list<IpPrefix>("allow", IpPrefix::parse);
  } else {
    for (const auto* network : kLocalNetworks) {
      out.resolver.allow.push_back(*IpPrefix::parse(network));
    }
    node.parsed_list<IpPrefix>("allow", IpPrefix::parse);  // taken: not an unknown key
  }
  out.tcp.connections = static_cast<size_t>(node.integer("tcp_connections", 200, 1, 100'000));
  out.tcp.idle = std::chrono::seconds(node.integer("tcp_idle_s", 10, 1, 3600));
  out.resolver.subnets = read_subnets(node.child("ecs"));
  return out;
}

}  // namespace sluice::mep::dns
