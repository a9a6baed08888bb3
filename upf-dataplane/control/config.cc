#include "upf-dataplane/control/config.h"

#include <algorithm>
#include <charconv>

#include "base/config/config_node.h"

namespace sluice::upf {
namespace {

constexpr int64_t kMinMtu = 1280;  // IPv6's least (RFC 8200 §5)
constexpr int64_t kMaxMtu = 9600;

void read_gateways(ConfigNode& node, PortConfig& port) {
  for (const auto& gateway : node.parsed_list("gateways", &IpAddress::parse)) {
    const bool taken = gateway.is_v4() ? port.gateway_v4.has_value() : port.gateway_v6.has_value();
    const bool on_link = std::ranges::any_of(
        port.addresses, [&](const IpPrefix& own) { return own.contains(gateway); });
    if (taken) {
      node.problem("gateways", "at most one of each family");
    } else if (!on_link) {
      node.problem("gateways", gateway.to_string() + " is in none of the networks of `addresses`");
    } else if (gateway.is_v4()) {
      port.gateway_v4 = gateway.v4();
    } else {
      port.gateway_v6 = gateway.v6();
    }
  }
}

struct RoleName {
  PortRole role;
  const char* name;
};
const std::vector<RoleName>& roles(UpfMode mode) {
  static const std::vector<RoleName> kOfUpf = {{PortRole::kN3, "n3"},
                                               {PortRole::kN9, "n9"},
                                               {PortRole::kN6, "n6"},
                                               {PortRole::kLocalDn, "local-dn"}};
  static const std::vector<RoleName> kOfInline = {{PortRole::kN3Ran, "n3-ran"},
                                                  {PortRole::kN3Core, "n3-core"},
                                                  {PortRole::kLocalDn, "local-dn"}};
  return mode == UpfMode::kUpf ? kOfUpf : kOfInline;
}

PortRole read_role(ConfigNode& node, UpfMode mode) {
  std::vector<std::string> names;
  for (const auto& known : roles(mode)) names.emplace_back(known.name);
  const auto name = node.choice("role", "", names);
  for (const auto& known : roles(mode)) {
    if (name == known.name) return known.role;
  }
  return PortRole::kN6;
}

PortConfig read_port(ConfigNode& node, UpfMode mode) {
  PortConfig port;
  port.name = node.required_text("name");
  port.role = read_role(node, mode);
  port.device = node.required_text("device");
  port.mtu = static_cast<uint32_t>(node.integer("mtu", 1500, kMinMtu, kMaxMtu));
  if (is_of_wire(port.role)) return port;  // nobody on it knows that it is there
  port.addresses = node.parsed_list("addresses", &IpPrefix::parse);
  if (port.addresses.empty()) node.problem("addresses", "at least one is needed");
  read_gateways(node, port);
  port.capacity_kbps = static_cast<uint64_t>(node.integer("capacity_kbps", 0, 0, 1'000'000'000));
  port.network_instance = node.text("network_instance", "");
  return port;
}

void read_ports(ConfigNode& root, UpfConfig& config) {
  root.each("ports", [&](ConfigNode node) {
    auto port = read_port(node, config.mode);
    const auto same_name = [&](const PortConfig& other) { return other.name == port.name; };
    if (std::ranges::any_of(config.ports, same_name)) node.problem("name", "is used twice");
    config.ports.push_back(std::move(port));
  });
  if (config.ports.size() > kMaxPorts) {
    root.problem("ports", fmt::format("at most {} are possible", kMaxPorts));
  }
  for (const auto& [role, name] : roles(config.mode)) {
    if (role == PortRole::kN9 || role == PortRole::kLocalDn) continue;
    const auto count = std::ranges::count(config.ports, role, &PortConfig::role);
    if (count == 0) {
      root.problem("ports", fmt::format("no port has the role {}", name));
    } else if (count > 1 && is_of_wire(role)) {
      root.problem("ports", fmt::format("{} ports have the role {}", count, name));
    }
  }
}

void read_ue_pools(ConfigNode& root, UpfConfig& config) {
  root.each("ue_pools", [&](ConfigNode node) {
    pfcp::UeAddressPoolConfig pool{.name = node.required_text("name")};
    pool.network_instance = node.text("network_instance", "");
    pool.v4 = node.parsed_list("v4", &IpPrefix::parse);
    pool.v6 = node.parsed_list("v6", &IpPrefix::parse);
    pool.v6_length = static_cast<unsigned>(node.integer("v6_length", 64, 8, 64));
    config.ue_pools.push_back(std::move(pool));
    if (const auto good = pfcp::check(config.ue_pools); !good) {
      node.problem(good.error().field, good.error().message);
    }
  });
}

void read_workers(ConfigNode node, UpfConfig& config) {
  config.workers = static_cast<uint32_t>(node.integer("count", 1, 1, 64));
  for (const auto& text : node.texts("cpus")) {
    unsigned cpu = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
    if (error != std::errc{} || end != text.data() + text.size() || cpu > 1023) {
      node.problem("cpus", fmt::format("'{}' is not a CPU number", text));
    }
    config.worker_cpus.push_back(cpu);
  }
  if (!config.worker_cpus.empty() && config.worker_cpus.size() != config.workers) {
    node.problem("cpus", fmt::format("names {} CPUs for {} workers", config.worker_cpus.size(),
                                     config.workers));
  }
  config.idle_sleep = std::chrono::microseconds(node.integer("idle_sleep_us", 0, 0, 10'000));
  config.cached_flows =
      static_cast<uint32_t>(node.integer("cached_flows", config.cached_flows, 1024, 1 << 24));
  config.burst = static_cast<uint32_t>(node.integer("burst", config.burst, 1, 64));
}

void read_buffer(ConfigNode& limits, BufferLimits& buffer) {
  buffer.packets = static_cast<size_t>(limits.integer("buffered_packets", 16'384, 0, 10'000'000));
  buffer.bytes = static_cast<size_t>(limits.integer("buffered_kb", 32'768, 0, 100'000'000)) << 10;
  buffer.packets_per_session =
      static_cast<size_t>(limits.integer("buffered_packets_per_session", 128, 0, 100'000));
  buffer.bytes_per_session =
      static_cast<size_t>(limits.integer("buffered_kb_per_session", 256, 0, 1'000'000)) << 10;
}

// What only a user plane with an SMF has.
void read_n4(ConfigNode& root, UpfConfig& config) {
  {
    auto gtpu = root.child("gtpu");
    config.paths.interval = std::chrono::seconds(gtpu.integer("echo_interval_s", 60, 0, 86'400));
    config.paths.t3 = std::chrono::milliseconds(gtpu.integer("t3_ms", 3000, 100, 60'000));
    config.paths.n3 = static_cast<uint32_t>(gtpu.integer("n3", 5, 1, 100));
  }
  {
    auto pfcp = root.child("pfcp");
    config.pfcp_address = pfcp.required_parsed("address", &IpAddress::parse);
    config.pfcp_port = static_cast<uint16_t>(pfcp.integer("port", 8805, 1, 65535));
    config.pfcp_node_id = pfcp.text("node_id", "");
    config.release_wait =
        std::chrono::milliseconds(pfcp.integer("release_wait_ms", 1000, 0, 60'000));
  }
  read_ue_pools(root, config);
}

void read_inline(ConfigNode node, UpfConfig& config) {
  config.learned_idle = std::chrono::seconds(node.integer("idle_s", 10, 1, 3600));
}

void read_root(ConfigNode root, UpfConfig& config) {
  config.instance = root.required_text("instance");
  const bool is_inline = root.choice("mode", "upf", {"upf", "inline"}) == "inline";
  config.mode = is_inline ? UpfMode::kInline : UpfMode::kUpf;
  {
    auto eal = root.child("eal");
    config.huge_pages = eal.flag("huge_pages", true);
    config.memory_mb = static_cast<uint32_t>(eal.integer("memory_mb", 1024, 64, 1 << 20));
  }
  read_workers(root.child("workers"), config);
  {
    auto limits = root.child("limits");
    config.sessions = static_cast<uint32_t>(limits.integer("sessions", 10'000, 1, 10'000'000));
    config.rules = static_cast<uint32_t>(limits.integer("rules", 10'000, 1, 1'000'000));
    config.neighbours = static_cast<uint32_t>(limits.integer("neighbours", 4096, 16, 1 << 20));
    if (!is_inline) {
      config.pdrs_per_session =
          static_cast<uint32_t>(limits.integer("pdrs_per_session", 64, 2, 1024));
      config.redirected_flows =
          static_cast<uint32_t>(limits.integer("redirected_flows", 65'536, 512, 1 << 24));
      read_buffer(limits, config.buffer);
    }
  }
  read_ports(root, config);
  if (is_inline) {
    read_inline(root.child("inline"), config);
  } else {
    read_n4(root, config);
  }
  {
    auto mp2 = root.child("mp2");
    config.mp2_socket = mp2.text("socket", "/run/sluice/mp2.sock");
    config.mp2_group = mp2.text("group", "");
  }
  {
    auto control = root.child("control");
    config.ctl_socket = control.text("socket", "");
    config.ctl_group = control.text("group", "");
  }
  {
    auto metrics = root.child("metrics");
    config.metrics_address =
        metrics.parsed("address", &IpAddress::parse).value_or(*IpAddress::parse("127.0.0.1"));
    config.metrics_port = static_cast<uint16_t>(metrics.integer("port", 9465, 1, 65535));
    if (!is_inline) config.metrics_per_session = metrics.flag("per_session", false);
  }
  {
    auto usage = root.child("usage_records");
    config.usage_log.path = usage.text("file", "");
    config.usage_log.bytes = static_cast<uint64_t>(usage.integer("file_mb", 64, 1, 65'536)) << 20;
    config.usage_log.files = static_cast<uint32_t>(usage.integer("files", 10, 1, 1000));
    config.usage_pairs =
        static_cast<uint32_t>(usage.integer("pairs", config.usage_pairs, 1024, 1 << 24));
  }
  {
    auto liveness = root.child("liveness");
    config.probe_interval =
        std::chrono::milliseconds(liveness.integer("probe_interval_ms", 150, 50, 60'000));
    config.probe_misses = static_cast<uint32_t>(liveness.integer("misses", 3, 1, 100));
  }
  config.log_level =
      root.child("log").choice("level", "info", {"trace", "debug", "info", "warn", "error", "off"});
}

}  // namespace

Result<UpfConfig> UpfConfig::load(const std::string& path) {
  UpfConfig config;
  const auto read =
      read_config_file(path, [&](ConfigNode root) { read_root(std::move(root), config); });
  if (!read) return std::unexpected(read.error());
  return config;
}

Result<UpfConfig> UpfConfig::parse(const std::string& name, const std::string& text) {
  UpfConfig config;
  const auto read =
      read_config(name, text, [&](ConfigNode root) { read_root(std::move(root), config); });
  if (!read) return std::unexpected(read.error());
  return config;
}

}  // namespace sluice::upf
