#include "upf-dataplane/control/path_monitor.h"

#include <algorithm>

#include "upf-dataplane/packet/gtpu.h"

namespace sluice::upf {

void PathMonitor::add(PortIndex port, const IpAddress& peer) {
  if (policy_.interval.count() == 0) return;
  ++peers_[{port, peer}].tunnels;
}

void PathMonitor::remove(PortIndex port, const IpAddress& peer) {
  const auto found = peers_.find({port, peer});
  if (found == peers_.end() || --found->second.tunnels > 0) return;
  if (found->second.failed) --failed_;
  peers_.erase(found);
}

void PathMonitor::answered(PortIndex port, const IpAddress& peer, uint16_t sequence) {
  const auto found = peers_.find({port, peer});
  if (found == peers_.end()) return;
  Peer& path = found->second;
  if (path.unanswered == 0 || sequence != path.sequence) return;
  path.unanswered = 0;
  path.due = clock_.now() + policy_.interval;
  if (!path.failed) return;
  path.failed = false;
  --failed_;
  changes_.push_back({port, peer, false});
}

bool PathMonitor::has_failed(const IpAddress& peer) const {
  return std::ranges::any_of(
      peers_, [&](const auto& path) { return path.first.second == peer && path.second.failed; });
}

std::vector<PathMonitor::Change> PathMonitor::tick() {
  const auto now = clock_.now();
  for (auto& [where, path] : peers_) {
    if (path.due > now) continue;
    if (path.unanswered >= policy_.n3 && !path.failed) {
      path.failed = true;
      ++failed_;
      changes_.push_back({where.first, where.second, true});
    }
    // T3 repeats the request as it was; a new one has a number of its own.
    if (path.unanswered == 0 || path.failed) ++path.sequence;
    ++path.unanswered;
    ++requests_;
    path.due = now + (path.failed ? std::chrono::milliseconds(policy_.interval) : policy_.t3);
    send_(where.first, where.second, make_echo_request(path.sequence));
  }
  return std::exchange(changes_, {});
}

Frame make_echo_request(uint16_t sequence) {
  return {kGtpuVersion1 | kGtpuFlagSequence,
          kGtpuEchoRequest,
          0,
          4,
          0,
          0,
          0,
          0,
          static_cast<uint8_t>(sequence >> 8),
          static_cast<uint8_t>(sequence),
          0,
          kGtpuExtensionNone};
}

}  // namespace sluice::upf
