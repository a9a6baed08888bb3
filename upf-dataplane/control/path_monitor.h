// Whether the far ends of our tunnels are still there: GTP-U path management (TS 29.281 §7.2).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/net/ip_address.h"
#include "upf-dataplane/control/frames.h"
#include "upf-dataplane/control/path_policy.h"

namespace sluice::upf {

// Control thread only.
class PathMonitor {
 public:
  struct Change {
    PortIndex port = 0;
    IpAddress peer = {};
    bool failed = false;  // or has recovered
    bool operator==(const Change&) const = default;
  };
  // Sends a GTP-U message to a peer.
  using Send = std::function<void(PortIndex, const IpAddress& peer, const Frame& message)>;

  // `clock` must outlive this.
  PathMonitor(const PathPolicy& policy, const Clock& clock, Send send)
      : policy_(policy), clock_(clock), send_(std::move(send)) {}

  // A peer is asked as long as tunnels lead to it; the first time at the next tick().
  void add(PortIndex port, const IpAddress& peer);
  void remove(PortIndex port, const IpAddress& peer);

  // An Echo Response came.
  void answered(PortIndex port, const IpAddress& peer, uint16_t sequence);

  // Sends what is due, and returns what is new about paths. A failed path is asked on, at the same
  // interval, and has recovered with its first answer.
  std::vector<Change> tick();

  // Whether the path to a peer, by whichever port, has failed.
  bool has_failed(const IpAddress& peer) const;

  size_t peers() const { return peers_.size(); }
  size_t failed() const { return failed_; }
  uint64_t requests() const { return requests_; }

 private:
  struct Peer {
    size_t tunnels = 0;
    uint16_t sequence = 0;    // of the last request
    uint32_t unanswered = 0;  // requests
    bool failed = false;
    std::chrono::steady_clock::time_point due = {};
  };

  const PathPolicy policy_;
  const Clock& clock_;
  Send send_;
  std::map<std::pair<PortIndex, IpAddress>, Peer> peers_;
  std::vector<Change> changes_;
  size_t failed_ = 0;
  uint64_t requests_ = 0;
};

// An Echo Request (§7.2.1).
Frame make_echo_request(uint16_t sequence);

}  // namespace sluice::upf
