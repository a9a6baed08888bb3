// Requests of ours to nodes (Association Update, Node Report): repeated N1 times, T1 apart, until
// they are answered (TS 29.244 §6.4).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/outgoing.h"
#include "upf-dataplane/pfcp/sequence_numbers.h"

namespace sluice::upf::pfcp {

class NodeRequests {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // At most so many wait for an answer; the oldest is given up for the newest.
  static constexpr size_t kMostPending = 1024;

  // All must outlive this.
  NodeRequests(const N4Config& config, const Clock& clock, SequenceNumbers& sequences,
               N4Counters& counters)
      : config_(config), clock_(clock), sequences_(sequences), counters_(counters) {}

  // Sends at the next advance().
  void send(MessageType type, const Peer& to, std::vector<Ie> ies);
  // Whether the response answers one of them.
  bool answered(const Message& response, const Peer& from);

  std::vector<Outgoing> advance();
  std::optional<Time> next_deadline() const;
  size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    MessageType type{};
    Outgoing datagram;
    unsigned attempts = 0;
    Time due = {};
  };

  const N4Config& config_;
  const Clock& clock_;
  SequenceNumbers& sequences_;
  N4Counters& counters_;
  std::map<uint64_t, Pending> pending_;  // by the order of sending
  std::map<uint32_t, uint64_t> by_sequence_;
  uint64_t last_order_ = 0;
};

}  // namespace sluice::upf::pfcp
