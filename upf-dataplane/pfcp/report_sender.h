// Session Report Requests on their way: repeated until they are answered (TS 29.244 §6.4, §7.5.8).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/outgoing.h"
#include "upf-dataplane/pfcp/sequence_numbers.h"

namespace sluice::upf::pfcp {

// A report says what will not be said again, so it is not given up after N1 attempts as other
// requests are: it is repeated at the pace of heartbeats for as long as its session exists.
class ReportSender {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // All must outlive this.
  ReportSender(const N4Config& config, const Clock& clock, SequenceNumbers& sequences,
               N4Counters& counters)
      : config_(config), clock_(clock), sequences_(sequences), counters_(counters) {}

  // Sends at the next advance(). `cp_seid` is the SMF's SEID of the session. What does not fit into
  // one message is refused with an error in the log; at most limits.pending_reports wait for an
  // answer, and the oldest goes first.
  void send(Seid seid, uint64_t cp_seid, const Peer& to, std::vector<Ie> ies);

  // The session whose report the response answers; nullopt when none waits for it.
  std::optional<Seid> answered(const Message& response, const Peer& from);

  // The SMF calls the session otherwise, or elsewhere, from now on: what waits for an answer is
  // sent there, as new requests; what answers the old ones is an answer no more.
  void readdress(Seid seid, uint64_t cp_seid, const Peer& to);

  // The SMF has deleted the session: what it was not told yet is repeated up to N1 times, no
  // longer.
  void finish(Seid seid);
  // The session is gone with its SMF: its reports are of no use.
  void forget(Seid seid);

  std::vector<Outgoing> advance();
  std::optional<Time> next_deadline() const;
  size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    Seid seid;
    Outgoing datagram;
    unsigned attempts = 0;
    bool is_last = false;  // given up after N1 attempts
    uint64_t order = 0;    // among all that were sent
    Time due = {};
  };

  void add(uint32_t sequence, Pending pending);
  void erase(uint32_t sequence);

  const N4Config& config_;
  const Clock& clock_;
  SequenceNumbers& sequences_;
  N4Counters& counters_;
  std::map<uint32_t, Pending> pending_;  // by sequence number
  std::set<std::pair<Time, uint32_t>> deadlines_;
  std::map<uint64_t, uint32_t> by_age_;  // order: sequence number, which starts over in time
  std::multimap<Seid, uint32_t> by_session_;
  uint64_t last_order_ = 0;
};

}  // namespace sluice::upf::pfcp
