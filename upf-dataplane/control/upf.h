// The user plane put together: devices, workers, and the control thread's parts.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/metrics/metrics_endpoint.h"
#include "mp2/server.h"
#include "upf-dataplane/control/capture.h"
#include "upf-dataplane/control/config.h"
#include "upf-dataplane/control/ctl_server.h"
#include "upf-dataplane/control/exceptions.h"
#include "upf-dataplane/control/explainer.h"
#include "upf-dataplane/control/neighbours.h"
#include "upf-dataplane/control/session_manager.h"
#include "upf-dataplane/control/steering_manager.h"
#include "upf-dataplane/control/tunnel_learner.h"
#include "upf-dataplane/control/tunnels.h"
#include "upf-dataplane/control/usage_records.h"
#include "upf-dataplane/pfcp/n4_server.h"
#include "upf-dataplane/worker/control_link.h"
#include "upf-dataplane/worker/dpdk_port.h"
#include "upf-dataplane/worker/eal.h"
#include "upf-dataplane/worker/qsbr_reclaimer.h"
#include "upf-dataplane/worker/worker.h"

namespace sluice::upf {

// Needs a started EAL. All members belong to the thread that made it, which runs `loop`.
class Upf final : public CtlHandler {
 public:
  // Opens the devices, serves N4 and Mp2, and lets the workers run.
  static Result<std::unique_ptr<Upf>> start(const UpfConfig& config, EventLoop& loop);
  // Before an orderly stop: asks the SMFs to release their associations and serves them until they
  // have, or config.release_wait is over.
  void release_associations();
  Upf(const Upf&) = delete;
  Upf& operator=(const Upf&) = delete;
  ~Upf() override;

  // For operators.
  Result<nlohmann::json> answer(const nlohmann::json& request) override;
  Result<void> begin_capture(const nlohmann::json& request, CaptureSink& sink) override;
  void end_capture() override;

 private:
  Upf(const UpfConfig& config, EventLoop& loop);
  Result<void> open_ports();
  void learn_tunnels(std::vector<Port>& ports);
  Result<void> serve();
  Result<void> serve_n4();
  Result<void> serve_operators();
  Result<void> start_workers();
  void stop_workers();
  pfcp::N4Config n4_config() const;

  void poll_workers();
  void take_held();
  Result<void> open_usage_records();
  UsageRecords::User usage_user(Seid seid) const;
  UsageRecords::User usage_user(uint32_t slot, uint32_t serial) const;
  void write_usage();
  void finish_usage();
  nlohmann::json describe() const;
  Result<nlohmann::json> describe_sessions(const nlohmann::json& request) const;
  nlohmann::json describe_rules() const;
  Result<nlohmann::json> describe_tunnels(const nlohmann::json& request) const;
  Result<nlohmann::json> why(const nlohmann::json& request) const;
  void handle_signalling(PortIndex port, std::span<const uint8_t> frame, size_t gtp_offset);
  void hold(uint32_t slot, PdrId pdr, PortIndex port, std::span<const uint8_t> frame,
            const FragmentPorts* ports = nullptr);
  void tick();
  void collect(MetricFamilies& out) const;

  // In the order of their making; what workers read outlives the workers, and the reclaimer has run
  // dry before any of it goes.
  UpfConfig config_;
  EventLoop& loop_;
  SystemClock clock_;
  Mempool pool_;
  std::vector<DpdkPort> devices_;
  std::unique_ptr<ControlLink> link_;
  std::unique_ptr<QsbrReclaimer> reclaimer_;
  std::unique_ptr<CounterBank> counters_;
  std::unique_ptr<SharedState> shared_;
  std::unique_ptr<Neighbours> neighbours_;
  std::unique_ptr<ControlPipeline> pipeline_;
  std::unique_ptr<PacketBuffer> buffer_;
  std::unique_ptr<SessionManager> sessions_;
  std::unique_ptr<SteeringManager> steering_;
  std::unique_ptr<TunnelLearner> learner_;  // null: the mode upf
  std::unique_ptr<PathMonitor> paths_;
  std::unique_ptr<Tunnels> tunnels_;
  std::unique_ptr<Exceptions> exceptions_;
  std::unique_ptr<pfcp::N4Server> n4_;  // null: the mode inline
  std::unique_ptr<mp2::Mp2Server> mp2_;
  std::unique_ptr<MetricsEndpoint> metrics_;
  std::vector<std::unique_ptr<PortCapacity>> capacities_;  // by port, null where there is none
  std::unique_ptr<CaptureTap> tap_;
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<Explainer> explainer_;
  std::unique_ptr<CtlServer> ctl_;
  std::vector<std::unique_ptr<UsageRecorder>> recorders_;  // the last is the control thread's own
  std::unique_ptr<UsageLog> usage_log_;                    // null: no records are kept
  std::unique_ptr<UsageRecords> usage_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::function<void()>> worker_runs_;
  std::atomic<bool> stop_{false};
  uint64_t error_indications_ = 0;
  uint64_t foreign_error_indications_ = 0;  // of them, from others than whom they name
  std::vector<TimerId> timers_;
};

}  // namespace sluice::upf
