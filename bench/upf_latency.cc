// What the packet path adds to a packet's way, through rings: a sender puts frames into the ring
// that a worker receives from, at a steady pace, and takes them from the rings that it sends by.
// First without a pace, to find the capacity of the whole; then at a share of it. A frame's time
// begins when it was due, not when the sender got round to it. Prints one JSON object.
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/command_line.h"
#include "bench/upf_load.h"
#include "upf-dataplane/worker/eal.h"
#include "upf-dataplane/worker/worker.h"

namespace sluice::upf {
namespace {

constexpr unsigned kRingSize = 4096;
constexpr unsigned kBurst = 32;
constexpr size_t kPorts = 3;
constexpr uint32_t kBuffers = 65'535;

struct Options {
  LoadOptions load;
  double load_share = 0.7;
  double seconds = 3;
  uint32_t memory_mb = 512;
  bool huge_pages = true;
};

// Of what was due when: counts by tick up to a bound, the rest in the last.
class Histogram {
 public:
  explicit Histogram(uint64_t hz) : tick_(std::max<uint64_t>(1, hz / 20'000'000)) {}  // 50 ns
  void add(uint64_t cycles) {
    ++counts_[std::min<uint64_t>(cycles / tick_, counts_.size() - 1)];
    ++total_;
  }
  // In microseconds; the upper edge of the tick.
  double quantile(double share, double hz) const {
    auto left = static_cast<uint64_t>(share * static_cast<double>(total_));
    size_t i = 0;
    for (; i + 1 < counts_.size() && counts_[i] <= left; ++i) left -= counts_[i];
    return static_cast<double>((i + 1) * tick_) / hz * 1e6;
  }
  uint64_t total() const { return total_; }

 private:
  const uint64_t tick_;
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(2'000'000);  // 100 ms
  uint64_t total_ = 0;
};

struct Rings {
  std::array<rte_ring*, kPorts> to_worker{};
  std::array<rte_ring*, kPorts> from_worker{};
  std::vector<uint16_t> ports;
};

Result<Rings> make_rings(rte_mempool* pool) {
  Rings out;
  for (size_t i = 0; i < kPorts; ++i) {
    constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ;
    out.to_worker[i] =
        rte_ring_create(fmt::format("in{}", i).c_str(), kRingSize, SOCKET_ID_ANY, kFlags);
    out.from_worker[i] =
        rte_ring_create(fmt::format("out{}", i).c_str(), kRingSize, SOCKET_ID_ANY, kFlags);
    if (out.to_worker[i] == nullptr || out.from_worker[i] == nullptr) {
      return fail(ErrorCode::kResourceExhausted, "no memory for rings; give more --memory");
    }
    const int id = rte_eth_from_rings(fmt::format("bench{}", i).c_str(), &out.to_worker[i], 1,
                                      &out.from_worker[i], 1, 0);
    if (id < 0) return fail(ErrorCode::kInternal, "net_ring did not make a port");
    const auto port = static_cast<uint16_t>(id);
    const rte_eth_conf conf{};
    if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup(port, 0, kRingSize, 0, nullptr, pool) != 0 ||
        rte_eth_tx_queue_setup(port, 0, kRingSize, 0, nullptr) != 0 ||
        rte_eth_dev_start(port) != 0) {
      return fail(ErrorCode::kInternal, "net_ring did not start");
    }
    out.ports.push_back(port);
  }
  return out;
}

// The other side of the rings.
class Sender {
 public:
  Sender(const Load& load, const Rings& rings, rte_mempool* pool, size_t stamp)
      : load_(load), rings_(rings), pool_(pool), stamp_(stamp) {}

  struct Outcome {
    uint64_t sent = 0;
    uint64_t lost = 0;  // no room in the ring
    double seconds = 0;
  };

  // `pace`: frames a second; 0: as many as the worker takes. Goes on until all that was sent has
  // come back, or nothing does for 100 ms.
  Outcome run(double pace, double seconds, Histogram* latency) {
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const uint64_t start = rte_rdtsc();
    const auto end = start + static_cast<uint64_t>(seconds * hz);
    const double spacing = pace > 0 ? hz / pace : 0;  // cycles between frames
    Outcome out;
    uint64_t planned = 0;
    uint64_t back = 0;
    uint64_t now = start;
    while (now < end) {
      uint64_t due = kBurst;
      if (pace > 0) {
        const auto by_now = static_cast<uint64_t>(static_cast<double>(now - start) / spacing);
        due = std::min<uint64_t>(kBurst, by_now - planned);
      }
      const auto count = send(static_cast<unsigned>(due), start, planned, spacing, now);
      planned += pace > 0 ? due : count;
      out.sent += count;
      out.lost += pace > 0 ? due - count : 0;
      back += take(latency);
      now = rte_rdtsc();
    }
    out.seconds = static_cast<double>(now - start) / hz;
    for (uint64_t quiet = now; back < out.sent && rte_rdtsc() - quiet < rte_get_tsc_hz() / 10;) {
      if (const auto more = take(latency); more > 0) {
        back += more;
        quiet = rte_rdtsc();
      }
    }
    out.lost += out.sent - back;
    return out;
  }

 private:
  unsigned send(unsigned count, uint64_t start, uint64_t planned, double spacing, uint64_t now) {
    std::array<rte_mbuf*, kBurst> frames;
    if (count == 0 || rte_pktmbuf_alloc_bulk(pool_, frames.data(), count) != 0) return 0;
    for (unsigned i = 0; i < count; ++i) {
      const auto& bytes = load_.frames()[next_];
      next_ = next_ + 1 < load_.frames().size() ? next_ + 1 : 0;
      std::memcpy(rte_pktmbuf_append(frames[i], static_cast<uint16_t>(bytes.size())), bytes.data(),
                  bytes.size());
      const auto due =
          start + static_cast<uint64_t>(static_cast<double>(planned + i + 1) * spacing);
      *RTE_MBUF_DYNFIELD(frames[i], stamp_, uint64_t*) = spacing > 0 ? due : now;
    }
    const auto taken = rte_ring_sp_enqueue_burst(
        rings_.to_worker[load_.way_in()], reinterpret_cast<void**>(frames.data()), count, nullptr);
    for (unsigned i = taken; i < count; ++i) rte_pktmbuf_free(frames[i]);
    return taken;
  }

  unsigned take(Histogram* latency) {
    unsigned sum = 0;
    for (auto* ring : rings_.from_worker) {
      std::array<rte_mbuf*, kBurst> frames;
      const auto count =
          rte_ring_sc_dequeue_burst(ring, reinterpret_cast<void**>(frames.data()), kBurst, nullptr);
      if (count == 0) continue;
      const uint64_t now = rte_rdtsc();
      for (unsigned i = 0; i < count; ++i) {
        const uint64_t since = *RTE_MBUF_DYNFIELD(frames[i], stamp_, uint64_t*);
        if (latency != nullptr) latency->add(now > since ? now - since : 0);
      }
      rte_pktmbuf_free_bulk(frames.data(), count);
      sum += count;
    }
    return sum;
  }

  const Load& load_;
  const Rings& rings_;
  rte_mempool* pool_;
  const size_t stamp_;  // where in a buffer
  size_t next_ = 0;
};

Result<nlohmann::json> run(const Options& options) {
  Load load(options.load);
  UpfConfig config;
  config.huge_pages = options.huge_pages;
  config.memory_mb = options.memory_mb;
  config.worker_cpus = {1};
  if (auto started = start_eal(config); !started) return std::unexpected(started.error());
  rte_mempool* pool =
      rte_pktmbuf_pool_create("bench", kBuffers, 512, 0, RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
  if (pool == nullptr) return fail(ErrorCode::kResourceExhausted, "no memory; give more --memory");
  static constexpr rte_mbuf_dynfield kStamp{
      .name = "sluice_bench_due", .size = sizeof(uint64_t), .align = alignof(uint64_t), .flags = 0};
  const int stamp = rte_mbuf_dynfield_register(&kStamp);
  if (stamp < 0) return fail(ErrorCode::kInternal, "no room for a time stamp in buffers");
  const auto rings = make_rings(pool);
  if (!rings) return std::unexpected(rings.error());

  QsbrReclaimer reclaimer(1);
  const auto link =
      ControlLink::make(pool, std::max(options.load.sessions, options.load.rules) + 16);
  if (!link) return std::unexpected(link.error());
  CaptureTap tap(reclaimer);
  std::atomic<bool> stop = false;
  Worker worker({.index = 0, .ports = rings->ports, .burst = kBurst}, load.site.shared,
                load.site.counters.worker(0), reclaimer, **link, tap);
  std::function<void()> work = [&] { worker.run(stop); };
  if (auto launched = launch_worker(0, work); !launched) return std::unexpected(launched.error());

  Sender sender(load, *rings, pool, static_cast<size_t>(stamp));
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  sender.run(0, 0.5, nullptr);  // warm
  const auto most = sender.run(0, options.seconds, nullptr);
  const double capacity = static_cast<double>(most.sent) / most.seconds;
  Histogram latency(rte_get_tsc_hz());
  const auto paced = sender.run(options.load_share * capacity, options.seconds, &latency);
  stop = true;
  wait_for_workers();
  return nlohmann::json{
      {"capacity_mpps", capacity / 1e6},
      {"mpps", static_cast<double>(paced.sent) / paced.seconds / 1e6},
      {"lost", paced.lost},
      {"frames", latency.total()},
      {"latency_us_p50", latency.quantile(0.5, hz)},
      {"latency_us_p99", latency.quantile(0.99, hz)},
      {"latency_us_p99_9", latency.quantile(0.999, hz)},
  };
}

}  // namespace
}  // namespace sluice::upf

int main(int argc, char** argv) {
  sluice::CommandLine line("upf_latency", "What the packet path adds to a packet's way, by rings");
  sluice::upf::Options options;
  options.load.mac = sluice::upf::testing::kOwnMac;
  line.flag("--downlink", &options.load.downlink, "Encapsulate instead of decapsulate");
  line.option("--sessions", &options.load.sessions, "Sessions, one flow each");
  line.option("--rules", &options.load.rules, "MEC traffic rules installed");
  line.option("--load", &options.load_share, "Share of the capacity that is offered");
  line.option("--seconds", &options.seconds, "How long to measure");
  line.option("--memory", &options.memory_mb, "MB for packet buffers");
  line.flag("!--no-huge", &options.huge_pages, "Do without huge pages");
  if (const auto code = line.parse(argc, argv)) return *code;
  const auto result = sluice::upf::run(options);
  if (!result) {
    std::cerr << result.error().to_string() << '\n';
    return 1;
  }
  std::cout << result->dump() << '\n';
  return 0;
}
