// The packet path in memory: net_pcap (infinite_rx) → pipeline → net_null, one worker. Prints one
// JSON object. Driven by bench/upf-pipeline, which runs DPDK's testpmd beside it.
#include <pcap/pcap.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/command_line.h"
#include "base/log.h"
#include "upf-dataplane/testing/frame_builder.h"
#include "upf-dataplane/testing/test_site.h"
#include "upf-dataplane/worker/dpdk_port.h"
#include "upf-dataplane/worker/eal.h"
#include "upf-dataplane/worker/worker.h"

namespace sluice::upf {
namespace {

// The address net_pcap gives its first device; frames are made before the device exists.
constexpr auto kPcapMac = "02:70:63:61:70:00";
constexpr std::array kStageNames = {"receive", "parse", "session", "classify", "act", "send"};
constexpr auto kServer = "203.0.113.10";

struct Options {
  bool downlink = false;
  bool dns = false;  // queries for names with a rule, answered in place
  uint32_t sessions = 10'000;
  uint32_t rules = 1'000;
  uint32_t cached_flows = 65'536;
  uint32_t inner_bytes = 64;  // of the user's IP packet
  uint32_t rule_shapes = 1;   // combinations of filter fields that the rules use, 1..8
  double seconds = 3;
  uint32_t memory_mb = 1024;
  bool huge_pages = true;
  std::string pcap = "upf_pipeline.pcap";
};

// Rules as an edge site has them: one server address and port each, or with several shapes also
// networks of several sizes. The users' traffic meets the last one, so that nothing is won by
// order.
std::vector<std::string> make_rules(uint32_t count, uint32_t shapes) {
  std::vector<std::string> rules;
  for (uint32_t i = 0; i < count; ++i) {
    const bool ours = i + 1 == count;
    const uint32_t prefix = ours ? 32 : 32 - i % shapes;
    const uint32_t network = (0xcb000000U + i * 7) & ~((1U << (32 - prefix)) - 1);
    const auto address = ours ? std::string(kServer) : Ipv4Address(network).to_string();
    rules.push_back(fmt::format(
        R"({{"trafficRuleId": "r{}", "filterType": "FLOW", "priority": {},
             "trafficFilter": [{{"dstAddress": ["{}/{}"], "dstPort": ["{}"], "protocol": ["UDP"]}}],
             "action": "FORWARD_DECAPSULATED", "state": "ACTIVE",
             "dstInterface": {{"interfaceType": "MAC", "dstMacAddress": "02-00-00-00-00-0a"}}}})",
        i, i % 200, address, prefix, ours ? 80 : 1000 + i % 5000));
  }
  return rules;
}

std::vector<std::string> make_dns_rules(uint32_t count) {
  std::vector<std::string> rules;
  for (uint32_t i = 0; i < count; ++i) {
    const bool is_v6 = i % 2 == 1;
    rules.push_back(fmt::format(
        R"({{"dnsRuleId": "d{}", "domainName": "app{}.edge.example", "ipAddressType": "{}",
             "ipAddress": "{}", "ttl": 60, "state": "ACTIVE"}})",
        i, i / 2, is_v6 ? "IP_V6" : "IP_V4", is_v6 ? "fd60::10" : "10.60.0.10"));
  }
  return rules;
}

// What resolvers of users' devices ask: both families, with and without EDNS, in mixed case, and a
// type that has no address.
std::vector<uint8_t> make_query(uint32_t ue, uint32_t names) {
  constexpr uint16_t kA = 1;
  constexpr uint16_t kAaaa = 28;
  constexpr uint16_t kHttps = 65;
  constexpr std::array kTypes = {kA, kAaaa, kA, kHttps};
  const auto name = fmt::format("{}{}.edge.example", ue % 3 == 0 ? "ApP" : "app", ue % names);
  return testing::dns_query(static_cast<uint16_t>(ue), name, kTypes[ue % kTypes.size()],
                            ue % 2 == 0);
}

std::vector<uint8_t> make_frame(const Options& options, uint32_t ue, Teid teid) {
  using testing::eth;
  const auto user = testing::TestSite::ue_v4(ue).to_string();
  const auto payload = options.dns ? make_query(ue, std::max(1U, options.rules / 2))
                                   : std::vector<uint8_t>(options.inner_bytes - 28);
  if (options.downlink) {
    return eth(kPcapMac, testing::kGatewayMac)
        .ipv4(kServer, user)
        .udp(443, 4000)
        .payload(payload)
        .frame();
  }
  return eth(kPcapMac, testing::kGnbMac)
      .ipv4("192.168.3.2", "192.168.3.1")
      .udp(2152, 2152)
      .gtpu(teid.value(), 9)
      .ipv4(user, kServer)
      .udp(4000, options.dns ? 53 : 80)
      .payload(payload)
      .frame();
}

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

UpfConfig bench_config(const Options& options) {
  UpfConfig config;
  config.huge_pages = options.huge_pages;
  config.memory_mb = options.memory_mb;
  const PortConfig source{.name = "source",
                          .device = "net_pcap0,rx_pcap=" + options.pcap + ",infinite_rx=1",
                          .addresses = {},
                          .gateway_v4 = {},
                          .gateway_v6 = {},
                          .network_instance = {}};
  PortConfig sink = source;
  // Without no-rx it would make up frames as fast as it is asked for some.
  sink.device = "net_null0,no-rx=1";
  PortConfig spare = source;
  spare.device = "net_null1,no-rx=1";
  // The port that receives comes first in its role; the others only send.
  config.ports =
      options.downlink ? std::vector{sink, source, spare} : std::vector{source, sink, spare};
  return config;
}

int run(const Options& options) {
  const MacAddress mac = *MacAddress::parse(kPcapMac);
  testing::TestSite site(std::max(options.sessions, options.rules) + 16, {mac, mac, mac});
  const size_t before = site.shared.sessions.bytes();
  size_t session_bytes = 0;
  {
    std::vector<std::pair<uint32_t, Teid>> users;
    for (uint32_t ue = 1; ue <= options.sessions; ++ue) {
      const Teid teid = site.add_ue(ue);
      session_bytes +=
          site.shared.sessions.find_teid(teid.value())->bytes() + sizeof(SessionCounters);
      users.emplace_back(ue, teid);
    }
    // Users do not send in the order in which they came.
    std::ranges::shuffle(users, std::mt19937(1));
    PcapFile file(options.pcap);
    for (const auto& [ue, teid] : users) file.add(make_frame(options, ue, teid));
  }
  if (options.dns) {
    site.set_rules({}, make_dns_rules(options.rules));
    // Names are answered while the app is there.
    site.answer(testing::kLdn, "10.60.0.10", testing::kAppMac);
    site.answer(testing::kLdn, "fd60::10", testing::kAppMac);
  } else {
    site.set_rules(make_rules(options.rules, options.rule_shapes));
  }
  site.grace_period();

  const UpfConfig config = bench_config(options);
  if (const auto started = start_eal(config); !started) {
    std::cerr << started.error().to_string() << '\n';
    return 1;
  }
  // Small buffers: a million frames have to fit.
  const uint32_t buffers = options.sessions + 16'384;
  rte_mempool* pool = rte_pktmbuf_pool_create("bench", buffers * 2 - 1, 512, 0,
                                              RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
  if (pool == nullptr) {
    std::cerr << "no memory for " << buffers * 2 << " buffers; give more --memory\n";
    return 1;
  }
  std::vector<DpdkPort> devices;
  std::vector<uint16_t> ids;
  for (const auto& port : config.ports) {
    auto device = DpdkPort::open(port, 1, pool);
    if (!device) {
      std::cerr << device.error().to_string() << '\n';
      return 1;
    }
    ids.push_back(device->id());
    devices.push_back(std::move(*device));
  }
  if (devices[options.downlink ? 1 : 0].mac() != mac) {
    std::cerr << "net_pcap has another address than expected\n";
    return 1;
  }

  QsbrReclaimer reclaimer(1);
  auto link = ControlLink::make(pool, std::max(options.sessions, options.rules) + 16);
  CaptureTap tap(reclaimer);
  Worker worker({.index = 0, .ports = ids, .burst = 32, .cached_flows = options.cached_flows},
                site.shared, site.counters.worker(0), reclaimer, **link, tap);
  const auto& counters = site.counters.worker(0);
  const auto received = [&] { return counters.received[options.downlink ? 1 : 0].packets.get(); };
  const auto sent = [&] {
    uint64_t sum = 0;
    for (const auto& port : counters.sent) sum += port.packets.get();
    return sum;
  };

  for (uint64_t warm = 0; warm < options.sessions * 2ULL + 100'000; warm += worker.poll()) {
  }
  const uint64_t hits = counters.cache_hits.get();
  const uint64_t misses = counters.cache_misses.get();
  const auto stages = [&] {
    std::array<uint64_t, kStages + 1> now{};
    for (size_t i = 0; i < kStages; ++i) now[i] = counters.stages.cycles[i].get();
    now[kStages] = counters.stages.packets.get();
    return now;
  };
  const auto stages_before = stages();
  const uint64_t first = received();
  const uint64_t first_sent = sent();
  const uint64_t first_answered = counters.answered[static_cast<size_t>(Answer::kDns)].get();
  const uint64_t start = rte_rdtsc();
  const auto end =
      start + static_cast<uint64_t>(options.seconds * static_cast<double>(rte_get_tsc_hz()));
  uint64_t now = start;
  while (now < end) {
    for (int i = 0; i < 256; ++i) worker.poll();
    now = rte_rdtsc();
  }
  const auto packets = static_cast<double>(received() - first);
  const auto elapsed = static_cast<double>(now - start);
  nlohmann::json result = {
      {"direction", options.downlink ? "downlink" : "uplink"},
      {"sessions", options.sessions},
      {"rules", options.rules},
      {"ghz", static_cast<double>(rte_get_tsc_hz()) / 1e9},
      {"mpps", packets * static_cast<double>(rte_get_tsc_hz()) / elapsed / 1e6},
      {"cycles_per_packet", elapsed / packets},
      {"forwarded_share", static_cast<double>(sent() - first_sent) / packets},
      {"cache_hit_share",
       static_cast<double>(counters.cache_hits.get() - hits) /
           std::max(1.0, static_cast<double>(counters.cache_hits.get() - hits +
                                             counters.cache_misses.get() - misses))},
      {"answered_share",
       static_cast<double>(counters.answered[static_cast<size_t>(Answer::kDns)].get() -
                           first_answered) /
           packets},
      {"bytes_per_session", static_cast<double>(session_bytes + before) / options.sessions},
  };
  const auto stages_after = stages();
  const auto timed = static_cast<double>(stages_after[kStages] - stages_before[kStages]);
  for (size_t i = 0; i < kStages; ++i) {
    result["stages"][kStageNames[i]] =
        static_cast<double>(stages_after[i] - stages_before[i]) / std::max(1.0, timed);
  }
  std::cout << result.dump() << '\n';
  devices.clear();
  return 0;
}

}  // namespace
}  // namespace sluice::upf

int main(int argc, char** argv) {
  sluice::CommandLine line("upf_pipeline", "The UPF's packet path in memory, one worker");
  sluice::upf::Options options;
  line.flag("--downlink", &options.downlink, "Encapsulate instead of decapsulate");
  line.flag("--dns", &options.dns, "DNS queries for names with a rule");
  line.option("--rule-shapes", &options.rule_shapes, "Combinations of filter fields in use")
      .between(1, 8);
  line.option("--sessions", &options.sessions, "Sessions, one flow each");
  line.option("--rules", &options.rules, "MEC traffic rules installed");
  line.option("--cached-flows", &options.cached_flows, "Size of the flow cache");
  line.option("--inner-bytes", &options.inner_bytes, "Size of the users' packets");
  line.option("--seconds", &options.seconds, "How long to measure");
  line.option("--memory", &options.memory_mb, "MB for packet buffers");
  line.option("--pcap", &options.pcap, "Where to put the generated frames");
  line.flag("!--no-huge", &options.huge_pages, "Do without huge pages");
  if (const auto code = line.parse(argc, argv)) return *code;
  return sluice::upf::run(options);
}
