// The configuration of sluice-upf. Every key is documented in deploy/upf.yaml.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/control/buffer_limits.h"
#include "upf-dataplane/control/path_policy.h"
#include "upf-dataplane/control/usage_log.h"
#include "upf-dataplane/pfcp/ue_address_pools.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

struct PortConfig {
  std::string name;
  PortRole role = PortRole::kN6;
  std::string device;  // DPDK devargs: a PCI address or "net_af_packet0,iface=eth1"
  uint32_t mtu = 1500;
  std::vector<IpPrefix> addresses;
  std::optional<Ipv4Address> gateway_v4;
  std::optional<Ipv6Address> gateway_v6;
  std::string network_instance;
  uint64_t capacity_kbps = 0;  // of what it sends; 0: not limited here
};

// Where sessions come from.
enum class UpfMode : uint8_t {
  kUpf,     // from an SMF, over N4
  kInline,  // there are none: tunnels between the access network and the core pass and are learned
};

struct UpfConfig {
  std::string instance;
  UpfMode mode = UpfMode::kUpf;

  bool huge_pages = true;
  uint32_t memory_mb = 1024;

  uint32_t workers = 1;
  std::vector<uint32_t> worker_cpus;        // one a worker, or none: any CPU
  std::chrono::microseconds idle_sleep{0};  // 0: workers spin
  uint32_t cached_flows = 65536;            // per worker
  uint32_t burst = 32;

  uint32_t sessions = 10'000;
  uint32_t rules = 10'000;             // traffic and DNS rules together
  uint32_t redirected_flows = 65'536;  // of sessions whose SMF redirects them
  uint32_t neighbours = 4096;
  uint32_t pdrs_per_session = 64;

  std::chrono::milliseconds learned_idle{10'000};  // inline: until a silent user is forgotten

  BufferLimits buffer;
  PathPolicy paths;

  std::vector<PortConfig> ports;

  IpAddress pfcp_address;
  uint16_t pfcp_port = 8805;
  std::string pfcp_node_id;  // empty: the address
  std::chrono::milliseconds release_wait{1000};
  std::vector<pfcp::UeAddressPoolConfig> ue_pools;

  std::string mp2_socket;
  std::string mp2_group;  // empty: the owner only

  std::string ctl_socket;  // for operators; empty: none
  std::string ctl_group;   // empty: the owner only

  IpAddress metrics_address;
  uint16_t metrics_port = 9465;
  bool metrics_per_session = false;

  UsageLogOptions usage_log;     // path empty: no usage records
  uint32_t usage_pairs = 65536;  // of user and rule that a worker counts in a turn

  std::string log_level;

  // How fast a silent local destination is noticed: with the defaults after 650 ms at the latest.
  std::chrono::milliseconds probe_interval{150};
  uint32_t probe_misses = 3;

  // The error lists every problem of the file with line and column.
  static Result<UpfConfig> load(const std::string& path);
  static Result<UpfConfig> parse(const std::string& name, const std::string& text);
};

}  // namespace sluice::upf
