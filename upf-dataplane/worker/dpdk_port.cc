#include "upf-dataplane/worker/dpdk_port.h"

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <utility>

#include "upf-dataplane/worker/dpdk_error.h"

namespace sluice::upf {
namespace {

constexpr uint16_t kDescriptors = 1024;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

// "net_af_packet0,iface=eth1" is known to the EAL as net_af_packet0.
std::string device_name(const std::string& device) { return device.substr(0, device.find(',')); }

Result<uint16_t> attach(const PortConfig& config) {
  if (const int error = rte_dev_probe(config.device.c_str()); error < 0) {
    return dpdk_fail(fmt::format("port {}: cannot open device '{}'", config.name, config.device),
                     error);
  }
  uint16_t id = 0;
  const auto name = device_name(config.device);
  if (const int error = rte_eth_dev_get_port_by_name(name.c_str(), &id); error != 0) {
    return dpdk_fail(fmt::format("port {}: device '{}' is no Ethernet device", config.name, name),
                     error);
  }
  return id;
}

}  // namespace

Result<DpdkPort> DpdkPort::open(const PortConfig& config, uint16_t workers, rte_mempool* pool) {
  const auto id = attach(config);
  if (!id) return std::unexpected(id.error());
  DpdkPort port(*id);

  rte_eth_dev_info info;
  if (const int error = rte_eth_dev_info_get(*id, &info); error != 0) {
    return dpdk_fail(fmt::format("port {}", config.name), error);
  }
  if (info.max_rx_queues < workers || info.max_tx_queues < workers) {
    return fail(ErrorCode::kUnsupported,
                "port {}: device '{}' has {} queues for {} workers (workers.count; for "
                "net_af_packet add qpairs={})",
                config.name, config.device, std::min(info.max_rx_queues, info.max_tx_queues),
                workers, workers);
  }
  rte_eth_conf conf{};
  if (workers > 1 && info.flow_type_rss_offloads != 0) {
    // Packets of one UE stay with one worker as far as the device can see that.
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf =
        (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP) & info.flow_type_rss_offloads;
  }
  if (const int error = rte_eth_dev_configure(*id, workers, workers, &conf); error != 0) {
    return dpdk_fail(fmt::format("port {}: configuring", config.name), error);
  }
  uint16_t receive = kDescriptors;
  uint16_t transmit = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(*id, &receive, &transmit);
  for (uint16_t queue = 0; queue < workers; ++queue) {
    int error = rte_eth_rx_queue_setup(*id, queue, receive, kAnySocket, nullptr, pool);
    if (error == 0) error = rte_eth_tx_queue_setup(*id, queue, transmit, kAnySocket, nullptr);
    if (error != 0) return dpdk_fail(fmt::format("port {}: queue {}", config.name, queue), error);
  }
  // Virtual devices name a nominal limit that their frames do not have to keep to.
  if (config.mtu <= info.max_mtu) rte_eth_dev_set_mtu(*id, static_cast<uint16_t>(config.mtu));
  rte_eth_promiscuous_enable(*id);
  if (const int error = rte_eth_dev_start(*id); error != 0) {
    return dpdk_fail(fmt::format("port {}: starting", config.name), error);
  }
  rte_ether_addr address;
  if (const int error = rte_eth_macaddr_get(*id, &address); error != 0) {
    return dpdk_fail(fmt::format("port {}: reading its address", config.name), error);
  }
  port.mac_ = MacAddress::from_bytes(address.addr_bytes);
  return port;
}

DpdkPort::DpdkPort(DpdkPort&& other) noexcept
    : id_(std::exchange(other.id_, kNone)), mac_(other.mac_) {}

DpdkPort::~DpdkPort() {
  if (id_ == kNone) return;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

uint64_t DpdkPort::missed() const {
  rte_eth_stats stats;
  return rte_eth_stats_get(id_, &stats) == 0 ? stats.imissed : 0;
}

}  // namespace sluice::upf
