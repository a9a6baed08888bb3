// What sluice-upf shows to Prometheus.
#pragma once

#include <cstdint>
#include <vector>

#include "base/metrics/families.h"
#include "upf-dataplane/control/path_monitor.h"
#include "upf-dataplane/control/session_manager.h"
#include "upf-dataplane/control/steering_manager.h"
#include "upf-dataplane/control/tunnel_learner.h"
#include "upf-dataplane/control/usage_records.h"
#include "upf-dataplane/pfcp/n4.h"
#include "upf-dataplane/worker/counters.h"

namespace sluice::upf {

// What there is to report; read on the control thread only.
struct MetricsSource {
  const CounterBank& counters;
  const Neighbours& neighbours;
  const SteeringManager& steering;
  const SessionManager& sessions;
  const PacketBuffer& buffer;
  const pfcp::N4* n4 = nullptr;            // null: the mode inline
  const TunnelLearner* learner = nullptr;  // null: the mode upf
  bool per_session = false;                // two more series a session
  bool mep_connected = false;
  std::vector<uint64_t> missed;    // by port: frames the device lost before anyone polled them
  std::vector<uint64_t> received;  // by worker: frames
  const PathMonitor& paths;
  uint64_t error_indications = 0;          // received
  uint64_t foreign_error_indications = 0;  // of them, ignored: from others than whom they name
  uint64_t control_frames = 0;
  uint64_t control_frames_lost = 0;
  const UsageRecords* usage = nullptr;  // null: no records are kept
  uint64_t usage_losses = 0;            // times that records could not be written
};

void collect_metrics(const MetricsSource& source, MetricFamilies& out);

}  // namespace sluice::upf
