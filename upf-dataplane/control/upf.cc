#include "upf-dataplane/control/upf.h"

#include <rte_cycles.h>

#include <algorithm>
#include <random>

#include "base/log.h"
#include "upf-dataplane/control/metrics.h"
#include "upf-dataplane/packet/gtpu.h"
#include "upf-dataplane/packet/gtpu_elements.h"

namespace sluice::upf {
namespace {

using std::chrono::milliseconds;

// How often the control thread looks at what workers hand over: an unknown neighbour's first packet
// waits this much longer.
constexpr milliseconds kPollWorkers{1};
// How often hit counters go to the platform.
constexpr milliseconds kStatusInterval{1000};
// PDRs of one session may name tunnels of their own.
constexpr size_t kTunnelsPerSession = 2;

std::string random_instance_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

Port make_port(const PortConfig& config, const MacAddress& mac) {
  Port port;
  port.name = config.name;
  port.role = config.role;
  port.mac = mac;
  port.mtu = config.mtu;
  port.addresses = config.addresses;
  port.network_instance = config.network_instance;
  return port;
}

}  // namespace

Upf::Upf(const UpfConfig& config, EventLoop& loop) : config_(config), loop_(loop) {}

Result<std::unique_ptr<Upf>> Upf::start(const UpfConfig& config, EventLoop& loop) {
  std::unique_ptr<Upf> upf(new Upf(config, loop));
  if (auto opened = upf->open_ports(); !opened) return std::unexpected(opened.error());
  if (auto opened = upf->open_usage_records(); !opened) return std::unexpected(opened.error());
  if (auto started = upf->start_workers(); !started) return std::unexpected(started.error());
  if (auto serving = upf->serve(); !serving) return std::unexpected(serving.error());
  const auto n4 = config.mode == UpfMode::kInline
                      ? std::string("none")
                      : fmt::format("{}:{}", config.pfcp_address.to_string(), config.pfcp_port);
  spdlog::info("ready instance={} workers={} ports={} n4={} mp2={}", config.instance,
               config.workers, config.ports.size(), n4, config.mp2_socket);
  return upf;
}

Result<void> Upf::open_ports() {
  auto pool = make_mempool(config_);
  if (!pool) return std::unexpected(pool.error());
  pool_ = std::move(*pool);
  auto link = ControlLink::make(pool_.get(), config_.sessions);
  if (!link) return std::unexpected(link.error());
  link_ = std::move(*link);

  std::vector<Port> ports;
  std::vector<Neighbours::Gateways> gateways;
  for (const auto& port : config_.ports) {
    auto device = DpdkPort::open(port, static_cast<uint16_t>(config_.workers), pool_.get());
    if (!device) return std::unexpected(device.error());
    spdlog::info("port open name={} device={} mac={} mtu={}", port.name, port.device,
                 device->mac().to_string(), port.mtu);
    ports.push_back(make_port(port, device->mac()));
    gateways.push_back({port.gateway_v4, port.gateway_v6});
    devices_.push_back(std::move(*device));
  }

  reclaimer_ = std::make_unique<QsbrReclaimer>(config_.workers);
  counters_ = std::make_unique<CounterBank>(config_.workers + 1, config_.sessions,
                                            SteeringManager::counter_slots(config_.rules));
  shared_ = std::make_unique<SharedState>(size_t{config_.sessions} * kTunnelsPerSession,
                                          config_.neighbours, *reclaimer_, config_.workers + 1,
                                          rte_get_tsc_hz(), config_.redirected_flows);
  learn_tunnels(ports);
  neighbours_ = std::make_unique<Neighbours>(
      std::move(ports), gateways, *shared_, *reclaimer_, clock_, *link_,
      NeighbourPolicy{.probe_interval = config_.probe_interval, .misses = config_.probe_misses});
  WorkerCounters& own_counters = counters_->control();
  pipeline_ = std::make_unique<ControlPipeline>(*shared_, own_counters, *neighbours_, *link_,
                                                [] { return rte_get_tsc_cycles(); });
  buffer_ =
      std::make_unique<PacketBuffer>(config_.buffer, *shared_, own_counters, *pipeline_, clock_);
  sessions_ = std::make_unique<SessionManager>(
      config_.sessions, *shared_, *neighbours_, *reclaimer_, *counters_, clock_,
      [] { return rte_get_tsc_cycles(); }, *buffer_);
  steering_ = std::make_unique<SteeringManager>(random_instance_id(), config_.rules, *shared_,
                                                *neighbours_, *reclaimer_, *counters_, clock_);
  if (learner_) steering_->limit_to_inline();
  exceptions_ = std::make_unique<Exceptions>(
      *pipeline_, *neighbours_, *link_, own_counters, clock_,
      [this](uint32_t slot, uint16_t pdr, PortIndex port, std::span<const uint8_t> frame,
             const FragmentPorts* known) { hold(slot, PdrId(pdr), port, frame, known); },
      [this](PortIndex port, std::span<const uint8_t> frame, size_t gtp_offset) {
        handle_signalling(port, frame, gtp_offset);
      });
  paths_ = std::make_unique<PathMonitor>(
      config_.paths, clock_, [this](PortIndex port, const IpAddress& peer, const Frame& message) {
        auto frame = make_gtpu_frame(neighbours_->ports()[port], peer, message);
        if (frame) neighbours_->resolve_and_send(port, *std::move(frame));
      });
  std::vector<std::string> names;
  for (const auto& port : config_.ports) names.push_back(port.name);
  tap_ = std::make_unique<CaptureTap>(*reclaimer_);
  capture_ = std::make_unique<Capture>(
      *tap_, names, clock_, [] { return rte_get_tsc_cycles(); }, rte_get_tsc_hz());
  tunnels_ = std::make_unique<Tunnels>(*paths_);
  sessions_->watch_tunnels(tunnels_.get());
  return {};
}

// In the mode inline: makes what the workers know of users' tunnels.
void Upf::learn_tunnels(std::vector<Port>& ports) {
  if (config_.mode != UpfMode::kInline) return;
  const auto port_of = [&](PortRole role) {
    return static_cast<PortIndex>(std::ranges::find(ports, role, &Port::role) - ports.begin());
  };
  std::random_device random;
  const uint64_t seed = uint64_t{random()} << 32 | random();
  shared_->learned = std::make_unique<LearnedTunnels>(
      config_.sessions, port_of(PortRole::kN3Ran), port_of(PortRole::kN3Core), seed, *reclaimer_);
  learner_ = std::make_unique<TunnelLearner>(*shared_, *reclaimer_, *counters_, clock_,
                                             config_.learned_idle, config_.workers);
}

Result<void> Upf::serve_n4() {
  if (learner_) return {};
  auto n4 = pfcp::N4Server::start(n4_config(), loop_, *sessions_, clock_);
  if (!n4) return std::unexpected(n4.error());
  n4_ = std::move(*n4);
  // What workers handed over before a request is buffered before it is carried out.
  n4_->before_requests([this] { take_held(); });
  return {};
}

Result<void> Upf::serve() {
  if (auto serving = serve_n4(); !serving) return serving;
  mp2::Mp2ServerConfig mp2{.path = config_.mp2_socket, .group = {}};
  if (!config_.mp2_group.empty()) mp2.group = config_.mp2_group;
  auto mp2_server = mp2::Mp2Server::listen(loop_, mp2, *steering_);
  if (!mp2_server) return std::unexpected(mp2_server.error());
  mp2_ = std::move(*mp2_server);
  if (auto serving = serve_operators(); !serving) return serving;
  auto metrics = MetricsEndpoint::start(config_.metrics_address, config_.metrics_port, loop_,
                                        [this](MetricFamilies& out) { collect(out); });
  if (!metrics) return std::unexpected(metrics.error());
  metrics_ = std::move(*metrics);

  timers_.push_back(loop_.every(kPollWorkers, [this] { poll_workers(); }));
  timers_.push_back(loop_.every(Neighbours::kTick, [this] { tick(); }));
  if (usage_) timers_.push_back(loop_.every(UsageRecords::kTurn, [this] { write_usage(); }));
  timers_.push_back(
      loop_.every(kStatusInterval, [this] { mp2_->publish_status(steering_->status()); }));
  return {};
}

Result<void> Upf::serve_operators() {
  if (config_.ctl_socket.empty()) return {};
  explainer_ = std::make_unique<Explainer>(
      *shared_, *sessions_, *steering_,
      [this](Seid seid) { return n4_ ? n4_->n4().spec(seid) : nullptr; },
      [] { return rte_get_tsc_cycles(); }, config_.sessions,
      SteeringManager::counter_slots(config_.rules));
  std::optional<std::string> group;
  if (!config_.ctl_group.empty()) group = config_.ctl_group;
  auto ctl = CtlServer::listen(loop_, config_.ctl_socket, group, *this);
  if (!ctl) return std::unexpected(ctl.error());
  ctl_ = std::move(*ctl);
  return {};
}

pfcp::N4Config Upf::n4_config() const {
  pfcp::N4Config n4;
  n4.listen = config_.pfcp_address;
  n4.port = config_.pfcp_port;
  const auto node_address = IpAddress::parse(config_.pfcp_node_id);
  if (config_.pfcp_node_id.empty()) {
    n4.node_id.address = config_.pfcp_address;
  } else if (node_address) {
    n4.node_id.address = *node_address;
  } else {
    n4.node_id.fqdn = config_.pfcp_node_id;
  }
  // N3's first: an F-TEID to choose that names no network instance is the radio network's.
  std::vector<const PortConfig*> ports;
  for (const auto role : {PortRole::kN3, PortRole::kN9}) {
    for (const auto& port : config_.ports) {
      if (port.role == role) ports.push_back(&port);
    }
  }
  for (const PortConfig* port : ports) {
    pfcp::GtpEndpoint endpoint{.network_instance = port->network_instance};
    for (const auto& own : port->addresses) {
      if (own.is_v4() && !endpoint.v4) endpoint.v4 = own.address().v4();
      if (!own.is_v4() && !endpoint.v6) endpoint.v6 = own.address().v6();
    }
    n4.gtp_endpoints.push_back(endpoint);
  }
  n4.limits.pdrs_per_session = config_.pdrs_per_session;
  n4.ue_pools = config_.ue_pools;
  return n4;
}

Result<void> Upf::start_workers() {
  std::vector<uint16_t> ids;
  for (const auto& device : devices_) ids.push_back(device.id());
  std::vector<PortCapacity*> capacities;
  for (const auto& port : config_.ports) {
    capacities_.push_back(port.capacity_kbps == 0 ? nullptr
                                                  : std::make_unique<PortCapacity>(
                                                        port.capacity_kbps, rte_get_tsc_hz()));
    capacities.push_back(capacities_.back().get());
  }
  worker_runs_.reserve(config_.workers);
  for (uint32_t i = 0; i < config_.workers; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(WorkerOptions{.index = i,
                                               .ports = ids,
                                               .burst = config_.burst,
                                               .cached_flows = config_.cached_flows,
                                               .idle_sleep = config_.idle_sleep,
                                               .pool = pool_.get(),
                                               .usage = usage_log_ ? recorders_[i].get() : nullptr,
                                               .sights = learner_ ? learner_->queue(i) : nullptr,
                                               .capacities = capacities},
                                 *shared_, counters_->worker(i), *reclaimer_, *link_, *tap_));
    worker_runs_.emplace_back([this, i] { workers_[i]->run(stop_); });
    if (auto launched = launch_worker(i, worker_runs_[i]); !launched) return launched;
  }
  return {};
}

void Upf::release_associations() {
  if (!n4_ || config_.release_wait.count() == 0) return;
  n4_->request_release();
  const auto deadline = clock_.now() + config_.release_wait;
  while (n4_->n4().associations().size() > 0 && clock_.now() < deadline) {
    loop_.run_once(deadline - clock_.now());
  }
}

void Upf::stop_workers() {
  stop_ = true;
  wait_for_workers();
}

Upf::~Upf() {
  for (const auto timer : timers_) loop_.cancel(timer);
  ctl_.reset();
  metrics_.reset();
  mp2_.reset();
  stop_workers();
  finish_usage();
  n4_.reset();
  capture_.reset();
  exceptions_.reset();
  steering_.reset();
  learner_.reset();
  sessions_.reset();
  // What sessions retired may still send end markers by way of neighbours_.
  while (reclaimer_ && reclaimer_->pending() > 0) reclaimer_->reclaim();
  buffer_.reset();
  pipeline_.reset();
  neighbours_.reset();
  while (reclaimer_ && reclaimer_->pending() > 0) reclaimer_->reclaim();
}

void Upf::poll_workers() {
  link_->drain([this](ControlLink::Punt why, PortIndex port, std::span<const uint8_t> frame) {
    if (why == ControlLink::Punt::kLearn) {
      neighbours_->learn(port, frame);
    } else {
      neighbours_->resolve_and_send(port, Frame(frame.begin(), frame.end()));
    }
  });
  if (learner_) learner_->learn();
  // Neighbours may have answered just now.
  sessions_->retry_releases();
  take_held();
  link_->drain_exceptions([this](const ExceptionFrame& frame) { exceptions_->handle(frame); });
  for (const uint32_t slot : pipeline_->take_told()) {
    if (const auto seid = sessions_->holder(slot)) n4_->usage_changed(*seid);
  }
  for (const Seid seid : sessions_->take_told()) n4_->usage_changed(seid);
  link_->drain_told([this](uint32_t slot) {
    if (const auto seid = sessions_->holder(slot)) n4_->usage_changed(*seid);
  });
  capture_->poll();
  neighbours_->flush();
  for (const auto& path : neighbours_->take_paths()) {
    if (n4_ && !paths_->has_failed(path.peer)) n4_->report_path(path.peer, path.works);
  }
  if (neighbours_->take_changes()) steering_->refresh();
  if (steering_->take_changes()) mp2_->publish_status(steering_->status());
  reclaimer_->reclaim();
}

void Upf::take_held() {
  link_->drain_held([this](uint32_t slot, PdrId pdr, PortIndex port,
                           std::span<const uint8_t> frame) { hold(slot, pdr, port, frame); });
}

void Upf::hold(uint32_t slot, PdrId pdr, PortIndex port, std::span<const uint8_t> frame,
               const FragmentPorts* ports) {
  const auto seid = sessions_->hold(slot, pdr, port, frame, ports);
  if (seid) n4_->packet_buffered(*seid, pdr);
}

// What GTP-U peers say besides users' packets.
void Upf::handle_signalling(PortIndex port, std::span<const uint8_t> frame, size_t gtp_offset) {
  const auto view = parse_gtpu(frame.subspan(gtp_offset));
  const auto from = ip_source(frame);
  if (!view || !from) return;
  if (view->type == kGtpuEchoResponse && view->sequence) {
    return paths_->answered(port, *from, *view->sequence);
  }
  if (const auto unknown = read_error_indication(frame.subspan(gtp_offset))) {
    ++error_indications_;
    // §7.3.1 has it sent by whom the packet went to. Anybody else would end others' sessions.
    if (*from != unknown->peer) {
      ++foreign_error_indications_;
      return;
    }
    const OuterHeader tunnel{Teid(unknown->teid), unknown->peer};
    for (const Seid seid : tunnels_->users(tunnel)) n4_->tunnel_unknown(seid, tunnel);
  }
}

void Upf::tick() {
  if (learner_) learner_->tick();
  for (const auto& change : paths_->tick()) {
    spdlog::log(change.failed ? spdlog::level::warn : spdlog::level::info,
                "GTP-U path {} peer={} port={}", change.failed ? "failed" : "works again",
                change.peer.to_string(), neighbours_->ports()[change.port].name);
    // The SMF is told once, though the neighbour may be lost too.
    if (!neighbours_->has_failed(change.port, change.peer)) {
      n4_->report_path(change.peer, !change.failed);
    }
  }
  exceptions_->tick();
  neighbours_->tick();
}

void Upf::collect(MetricFamilies& out) const {
  MetricsSource source{.counters = *counters_,
                       .neighbours = *neighbours_,
                       .steering = *steering_,
                       .sessions = *sessions_,
                       .buffer = *buffer_,
                       .n4 = n4_ ? &n4_->n4() : nullptr,
                       .learner = learner_.get(),
                       .per_session = config_.metrics_per_session,
                       .mep_connected = mp2_->connected(),
                       .missed = {},
                       .received = {},
                       .paths = *paths_,
                       .error_indications = error_indications_,
                       .foreign_error_indications = foreign_error_indications_,
                       .control_frames = link_->sent(),
                       .control_frames_lost = link_->send_failures(),
                       .usage = usage_.get(),
                       .usage_losses = usage_log_ ? usage_log_->failures() : 0};
  for (const auto& device : devices_) source.missed.push_back(device.missed());
  for (uint32_t i = 0; i < config_.workers; ++i) {
    uint64_t frames = 0;
    for (const auto& port : counters_->worker(i).received) frames += port.packets.get();
    source.received.push_back(frames);
  }
  collect_metrics(source, out);
}

}  // namespace sluice::upf
