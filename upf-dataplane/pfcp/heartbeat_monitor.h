// Decides when a peer is probed, lost and given up (TS 29.244 §6.2.2, §6.4). Only time and events
// in, actions out.
#pragma once

#include <chrono>
#include <cstdint>

#include "upf-dataplane/pfcp/n4_config.h"

namespace sluice::upf::pfcp {

//                 quiet                  N1 probes unanswered           grace over
//    kHealthy ───────────> kProbing ────────────────────────> kLost ──────────────> kDead
//       ^    probe          │  ^ │ unanswered: probe again     │ ^ │ quiet: probe again
//       │                   │  └─┘                             │ └─┘
//       └───── heard ───────┴───────────── heard ──────────────┘
class HeartbeatMonitor {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class State : uint8_t { kHealthy, kProbing, kLost, kDead };
  enum class Action : uint8_t {
    kNone,
    kProbe,        // send a Heartbeat Request
    kRepeat,       // send the last one again, as it was
    kDeclareLost,  // the peer does not answer; its sessions stay for now
    kGiveUp,       // remove it with its sessions; the monitor is done
  };

  // `config` must outlive the monitor.
  HeartbeatMonitor(const N4Config& config, TimePoint now)
      : config_(&config), deadline_(now + config.heartbeat_interval) {}

  // Anything valid came from the peer. True when it had been lost.
  bool heard(TimePoint now);

  // What is due at `now`. After kNone nothing is due before deadline(); call again after the rest.
  Action advance(TimePoint now);

  State state() const { return state_; }
  TimePoint deadline() const { return deadline_; }

 private:
  Action probe_again(TimePoint now);

  const N4Config* config_;
  State state_ = State::kHealthy;
  TimePoint deadline_;
  TimePoint give_up_at_;  // in kLost
  unsigned probes_ = 0;   // sent and unanswered
};

}  // namespace sluice::upf::pfcp
