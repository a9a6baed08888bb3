#include "upf-dataplane/pfcp/heartbeat_monitor.h"

#include <algorithm>

namespace sluice::upf::pfcp {

bool HeartbeatMonitor::heard(TimePoint now) {
  const bool was_lost = state_ == State::kLost;
  if (state_ == State::kDead) return false;
  state_ = State::kHealthy;
  probes_ = 0;
  deadline_ = now + config_->heartbeat_interval;
  return was_lost;
}

HeartbeatMonitor::Action HeartbeatMonitor::advance(TimePoint now) {
  if (now < deadline_) return Action::kNone;
  switch (state_) {
    case State::kHealthy:
      state_ = State::kProbing;
      probes_ = 1;
      deadline_ = now + config_->retransmit_interval;
      return Action::kProbe;
    case State::kProbing:
      return probe_again(now);
    case State::kLost:
      if (now >= give_up_at_) {
        state_ = State::kDead;
        deadline_ = TimePoint::max();
        return Action::kGiveUp;
      }
      deadline_ = std::min(now + config_->heartbeat_interval, give_up_at_);
      return Action::kProbe;
    case State::kDead:
      break;
  }
  return Action::kNone;
}

HeartbeatMonitor::Action HeartbeatMonitor::probe_again(TimePoint now) {
  if (probes_ < config_->retransmit_count) {
    ++probes_;
    deadline_ = now + config_->retransmit_interval;
    return Action::kRepeat;
  }
  state_ = State::kLost;
  give_up_at_ = now + config_->lost_peer_grace;
  deadline_ = std::min(now + config_->heartbeat_interval, give_up_at_);
  return Action::kDeclareLost;
}

}  // namespace sluice::upf::pfcp
