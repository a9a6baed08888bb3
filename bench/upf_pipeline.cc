// The packet path in memory: net_pcap (infinite_rx) → pipeline → net_null, one worker. Prints one
// JSON object. Driven by bench/upf-pipeline, which runs DPDK's testpmd beside it.
#include <pcap/pcap.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/command_line.h"
#include "bench/upf_load.h"
#include "upf-dataplane/worker/dpdk_port.h"
#include "upf-dataplane/worker/eal.h"
#include "upf-dataplane/worker/worker.h"

namespace sluice::upf {
namespace {

// The address net_pcap gives its first device; frames are made before the device exists.
constexpr auto kPcapMac = "02:70:63:61:70:00";
constexpr std::array kStageNames = {"receive", "parse", "session", "classify", "act", "send"};

struct Options {
  LoadOptions load;
  uint32_t workers = 1;
  uint32_t cached_flows = 65'536;
  double seconds = 3;
  uint32_t memory_mb = 1024;
  bool huge_pages = true;
  std::string pcap = "upf_pipeline.pcap";
};

class PcapFile {
 public:
  explicit PcapFile(const std::string& path)
      : handle_(pcap_open_dead(DLT_EN10MB, 65535)), dumper_(pcap_dump_open(handle_, path.c_str())) {
    if (dumper_ == nullptr) throw std::runtime_error(pcap_geterr(handle_));
  }
  ~PcapFile() {
    pcap_dump_close(dumper_);
    pcap_close(handle_);
  }
  PcapFile(const PcapFile&) = delete;
  PcapFile& operator=(const PcapFile&) = delete;
  void add(const std::vector<uint8_t>& frame) {
    const auto length = static_cast<uint32_t>(frame.size());
    const pcap_pkthdr header{.ts = {}, .caplen = length, .len = length};
    pcap_dump(reinterpret_cast<u_char*>(dumper_), &header, frame.data());
  }

 private:
  pcap_t* handle_;
  pcap_dumper_t* dumper_;
};

// Each worker has its users, in a file of its own: queue i of the source is worker i's.
std::string pcap_of(const Options& options, uint32_t worker) {
  return fmt::format("{}.{}", options.pcap, worker);
}

void write_frames(const Options& options, const Load& load) {
  std::vector<std::unique_ptr<PcapFile>> files;
  for (uint32_t i = 0; i < options.workers; ++i) {
    files.push_back(std::make_unique<PcapFile>(i == 0 ? options.pcap : pcap_of(options, i)));
  }
  size_t next = 0;
  for (const auto& frame : load.frames()) files[next++ % files.size()]->add(frame);
}

UpfConfig bench_config(const Options& options) {
  UpfConfig config;
  config.huge_pages = options.huge_pages;
  config.memory_mb = options.memory_mb;
  config.workers = options.workers;
  for (uint32_t i = 0; i < options.workers; ++i)
    config.worker_cpus.push_back(options.workers - 1 - i);
  PortConfig source{.name = "source",
                    .device = "net_pcap0",
                    .addresses = {},
                    .gateway_v4 = {},
                    .gateway_v6 = {},
                    .network_instance = {}};
  for (uint32_t i = 0; i < options.workers; ++i) {
    source.device += ",rx_pcap=" + (i == 0 ? options.pcap : pcap_of(options, i));
  }
  source.device += ",infinite_rx=1";
  PortConfig sink = source;
  // Without no-rx it would make up frames as fast as it is asked for some.
  sink.device = "net_null0,no-rx=1";
  PortConfig spare = source;
  spare.device = "net_null1,no-rx=1";
  // The port that receives comes first in its role; the others only send.
  config.ports =
      options.load.downlink ? std::vector{sink, source, spare} : std::vector{source, sink, spare};
  return config;
}

// What a worker has counted since a moment.
class Measurement {
 public:
  Measurement(const WorkerCounters& counters, PortIndex way_in)
      : counters_(counters), way_in_(way_in), before_(read()) {}

  struct Numbers {
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t answered = 0;
    uint64_t hits = 0;
    uint64_t misses = 0;
    std::array<uint64_t, kStages> cycles{};
    uint64_t timed = 0;
  };
  // Adds what came since to `sum`.
  void add_to(Numbers& sum) const {
    const auto now = read();
    sum.received += now.received - before_.received;
    sum.sent += now.sent - before_.sent;
    sum.answered += now.answered - before_.answered;
    sum.hits += now.hits - before_.hits;
    sum.misses += now.misses - before_.misses;
    for (size_t i = 0; i < kStages; ++i) sum.cycles[i] += now.cycles[i] - before_.cycles[i];
    sum.timed += now.timed - before_.timed;
  }

 private:
  Numbers read() const {
    Numbers out;
    out.received = counters_.received[way_in_].packets.get();
    for (const auto& port : counters_.sent) out.sent += port.packets.get();
    out.answered = counters_.answered[static_cast<size_t>(Answer::kDns)].get();
    out.hits = counters_.cache_hits.get();
    out.misses = counters_.cache_misses.get();
    for (size_t i = 0; i < kStages; ++i) out.cycles[i] = counters_.stages.cycles[i].get();
    out.timed = counters_.stages.packets.get();
    return out;
  }

  const WorkerCounters& counters_;
  const PortIndex way_in_;
  const Numbers before_;
};

nlohmann::json report(const Options& options, const Load& load, const Measurement::Numbers& numbers,
                      double elapsed) {
  const auto packets = static_cast<double>(numbers.received);
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  nlohmann::json result = {
      {"direction", options.load.downlink ? "downlink" : "uplink"},
      {"sessions", options.load.sessions},
      {"rules", options.load.rules},
      {"workers", options.workers},
      {"ghz", hz / 1e9},
      {"mpps", packets * hz / elapsed / 1e6},
      {"cycles_per_packet", elapsed * options.workers / packets},
      {"forwarded_share", static_cast<double>(numbers.sent) / packets},
      {"cache_hit_share", static_cast<double>(numbers.hits) /
                              std::max(1.0, static_cast<double>(numbers.hits + numbers.misses))},
      {"answered_share", static_cast<double>(numbers.answered) / packets},
      {"bytes_per_session", load.bytes_per_session()},
  };
  for (size_t i = 0; i < kStages; ++i) {
    result["stages"][kStageNames[i]] =
        static_cast<double>(numbers.cycles[i]) / std::max(1.0, static_cast<double>(numbers.timed));
  }
  return result;
}

int run(const Options& options) {
  Load load(options.load);
  write_frames(options, load);
  const UpfConfig config = bench_config(options);
  if (const auto started = start_eal(config); !started) {
    std::cerr << started.error().to_string() << '\n';
    return 1;
  }
  // Small buffers: a million frames have to fit.
  const uint32_t buffers = options.load.sessions + 16'384 * options.workers;
  rte_mempool* pool = rte_pktmbuf_pool_create("bench", buffers * 2 - 1, 512, 0,
                                              RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
  if (pool == nullptr) {
    std::cerr << "no memory for " << buffers * 2 << " buffers; give more --memory\n";
    return 1;
  }
  std::vector<DpdkPort> devices;
  std::vector<uint16_t> ids;
  for (const auto& port : config.ports) {
    auto device = DpdkPort::open(port, static_cast<uint16_t>(options.workers), pool);
    if (!device) {
      std::cerr << device.error().to_string() << '\n';
      return 1;
    }
    ids.push_back(device->id());
    devices.push_back(std::move(*device));
  }
  if (devices[load.way_in()].mac() != *MacAddress::parse(kPcapMac)) {
    std::cerr << "net_pcap has another address than expected\n";
    return 1;
  }

  QsbrReclaimer reclaimer(options.workers);
  CaptureTap tap(reclaimer);
  const auto link =
      ControlLink::make(pool, std::max(options.load.sessions, options.load.rules) + 16);
  if (!link) {
    std::cerr << link.error().to_string() << '\n';
    return 1;
  }
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint32_t i = 0; i < options.workers; ++i) {
    workers.push_back(std::make_unique<Worker>(
        WorkerOptions{.index = i, .ports = ids, .burst = 32, .cached_flows = options.cached_flows},
        load.site.shared, load.site.counters.worker(i), reclaimer, **link, tap));
  }
  // All begin to measure when the last one is warm, and end together.
  const auto duration =
      static_cast<uint64_t>(options.seconds * static_cast<double>(rte_get_tsc_hz()));
  std::atomic<uint32_t> warm = 0;
  std::atomic<uint32_t> measured = 0;
  std::mutex mutex;
  Measurement::Numbers numbers;
  double elapsed = 0;  // of the slowest
  const auto work = [&](uint32_t index) {
    Worker& worker = *workers[index];
    const uint64_t rounds = options.load.sessions * 2ULL / options.workers + 100'000;
    for (uint64_t packets = 0; packets < rounds; packets += worker.poll()) {
    }
    for (++warm; warm < options.workers;) worker.poll();
    const Measurement measurement(load.site.counters.worker(index), load.way_in());
    const uint64_t start = rte_rdtsc();
    uint64_t now = start;
    while (now - start < duration) {
      for (int i = 0; i < 256; ++i) worker.poll();
      now = rte_rdtsc();
    }
    {
      const std::lock_guard lock(mutex);
      measurement.add_to(numbers);
      elapsed = std::max(elapsed, static_cast<double>(now - start));
    }
    for (++measured; measured < options.workers;) worker.poll();
  };
  std::vector<std::function<void()>> others;
  for (uint32_t i = 1; i < options.workers; ++i) others.emplace_back([&work, i] { work(i); });
  for (size_t i = 0; i < others.size(); ++i) {
    if (auto launched = launch_worker(i + 1, others[i]); !launched) {
      std::cerr << launched.error().to_string() << '\n';
      return 1;
    }
  }
  work(0);
  wait_for_workers();
  std::cout << report(options, load, numbers, elapsed).dump() << '\n';
  devices.clear();
  return 0;
}

}  // namespace
}  // namespace sluice::upf

int main(int argc, char** argv) {
  sluice::CommandLine line("upf_pipeline", "The UPF's packet path in memory, one worker");
  sluice::upf::Options options;
  options.load.mac = sluice::upf::kPcapMac;
  line.flag("--downlink", &options.load.downlink, "Encapsulate instead of decapsulate");
  line.flag("--dns", &options.load.dns, "DNS queries for names with a rule");
  line.flag("--inline", &options.load.is_inline, "In the wire before a core, uplink");
  line.option("--server-port", &options.load.server_port, "What users send to; 80 has a rule");
  line.option("--rule-shapes", &options.load.rule_shapes, "Combinations of filter fields in use")
      .between(1, 8);
  line.option("--sessions", &options.load.sessions, "Sessions, one flow each");
  line.option("--rules", &options.load.rules, "MEC traffic rules installed");
  line.option("--workers", &options.workers, "Workers, each on a CPU of its own").between(1, 2);
  line.option("--cached-flows", &options.cached_flows, "Size of the flow cache");
  line.option("--inner-bytes", &options.load.inner_bytes, "Size of the users' packets");
  line.option("--seconds", &options.seconds, "How long to measure");
  line.option("--memory", &options.memory_mb, "MB for packet buffers");
  line.option("--pcap", &options.pcap, "Where to put the generated frames");
  line.flag("!--no-huge", &options.huge_pages, "Do without huge pages");
  if (const auto code = line.parse(argc, argv)) return *code;
  return sluice::upf::run(options);
}
