#include "upf-dataplane/worker/eal.h"

#include <sched.h>

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cctype>

#include "upf-dataplane/worker/dpdk_error.h"

namespace sluice::upf {
namespace {

// Frames on their way: receive and transmit rings of every port, bursts in hand, mempool caches.
constexpr uint32_t kBuffersPerPort = 4096;
constexpr uint32_t kBuffersPerWorker = 2048;
// What may wait for a port with a configured capacity (PortCapacity::most_waiting).
constexpr uint32_t kWaitingPerWorker = 4096;
constexpr uint32_t kCachedBuffers = 256;
// Ethernet and the largest outer header come on top of the MTU.
constexpr uint32_t kFrameOverhead = 128;

// The CPUs this process may use, as EAL writes a set: "(0,1,5)". Asking for others fails.
std::string allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return fmt::format("({})", fmt::join(cpus, ","));
}

// "0@(0,1),1@3,2@4": the control thread floats, workers are pinned where the configuration says so.
std::string lcores(const UpfConfig& config) {
  const auto anywhere = allowed_cpus();
  auto text = fmt::format("0@{}", anywhere);
  for (uint32_t i = 0; i < config.workers; ++i) {
    text += config.worker_cpus.empty() ? fmt::format(",{}@{}", i + 1, anywhere)
                                       : fmt::format(",{}@{}", i + 1, config.worker_cpus[i]);
  }
  return text;
}

bool is_pci(const std::string& device) {
  return std::isxdigit(device[0]) != 0 && device.contains(':');
}

int run_function(void* argument) {
  (*static_cast<std::function<void()>*>(argument))();
  return 0;
}

}  // namespace

Result<void> start_eal(const UpfConfig& config) {
  std::vector<std::string> arguments = {
      "sluice-upf",  "--lcores",    lcores(config), "--no-telemetry", "--log-level",
      "lib.*:error", "--log-level", "pmd.*:error",  "--log-level",    "EAL:error"};
  // Nothing of ours is shared with other processes, so nothing is left behind by a crash either.
  arguments.emplace_back(config.huge_pages ? "--in-memory" : "--no-shconf");
  if (!config.huge_pages) arguments.emplace_back("--no-huge");
  arguments.insert(arguments.end(), {"-m", std::to_string(config.memory_mb)});
  if (std::ranges::none_of(config.ports, [](const auto& p) { return is_pci(p.device); })) {
    arguments.emplace_back("--no-pci");
  }
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0) return {};
  return fail(ErrorCode::kInternal, "DPDK did not start: {}{}", rte_strerror(rte_errno),
              config.huge_pages ? " (no huge pages? set eal.huge_pages: false, or reserve some by "
                                  "writing a number to /proc/sys/vm/nr_hugepages)"
                                : "");
}

void stop_eal() { rte_eal_cleanup(); }

void MempoolDeleter::operator()(rte_mempool* pool) const { rte_mempool_free(pool); }

Result<Mempool> make_mempool(const UpfConfig& config) {
  const auto ports = static_cast<uint32_t>(config.ports.size());
  const auto shaped = static_cast<uint32_t>(std::ranges::count_if(
      config.ports, [](const PortConfig& port) { return port.capacity_kbps != 0; }));
  const uint32_t buffers = ports * kBuffersPerPort +
                           config.workers * (kBuffersPerWorker + shaped * kWaitingPerWorker) - 1;
  const auto largest = std::ranges::max_element(config.ports, {}, &PortConfig::mtu)->mtu;
  const uint32_t room = std::max<uint32_t>(RTE_MBUF_DEFAULT_BUF_SIZE,
                                           largest + kFrameOverhead + RTE_PKTMBUF_HEADROOM);
  Mempool pool(rte_pktmbuf_pool_create("frames", buffers, kCachedBuffers, 0,
                                       static_cast<uint16_t>(room), SOCKET_ID_ANY));
  if (!pool) {
    return dpdk_fail(fmt::format("cannot make {} packet buffers (eal.memory_mb is {})", buffers,
                                 config.memory_mb));
  }
  return pool;
}

Result<void> launch_worker(size_t index, std::function<void()>& work) {
  const auto lcore = static_cast<unsigned>(index + 1);
  if (const int error = rte_eal_remote_launch(run_function, &work, lcore); error != 0) {
    return dpdk_fail(fmt::format("cannot start worker {}", index), error);
  }
  return {};
}

void wait_for_workers() { rte_eal_mp_wait_lcore(); }

}  // namespace sluice::upf
