// Associations and heartbeats (TS 29.244 §6.2): who may ask for sessions, and who is still there.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/pfcp/association.h"
#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/node_requests.h"
#include "upf-dataplane/pfcp/outgoing.h"
#include "upf-dataplane/pfcp/sequence_numbers.h"
#include "upf-dataplane/pfcp/session_procedures.h"

namespace sluice::upf::pfcp {

class NodeProcedures {
 public:
  // All must outlive this. The Recovery Time Stamp is the time of construction.
  NodeProcedures(const N4Config& config, const Clock& clock, AssociationTable& associations,
                 SessionProcedures& sessions, SequenceNumbers& sequences, NodeRequests& requests,
                 N4Counters& counters);

  Message associate(const Message& request, const Peer& from);
  Message update(const Message& request);
  Message release(const Message& request);
  Message manage_pfds(const Message& request, const Peer& from);
  Message heartbeat(const Message& request, const Peer& from);
  // False when it answers nothing of ours.
  bool heartbeat_response(const Message& response, const Peer& from);

  // Something valid came from there: as long as one association can have sent it, its peer lives.
  void heard(const Peer& from);

  // Asks every SMF to release its association: this UPF is about to stop.
  void request_release();
  // Tells the SMFs that have sessions here that the path to a GTP-U peer has failed, or works
  // again.
  void report_path(const IpAddress& peer, bool works);

  // Sends what is due; nothing is before next_deadline().
  std::vector<Outgoing> advance();
  std::optional<HeartbeatMonitor::TimePoint> next_deadline() const;

  RecoveryTimeStamp recovery() const { return recovery_; }

 private:
  // §7.4.4.1: whether the sessions of an earlier association outlive a new one.
  bool retains_sessions(const Association& earlier, const RecoveryTimeStamp& recovery,
                        const std::optional<std::span<const Ie>>& retention) const;
  void heard(Association& association);
  // A node that restarted has forgotten its association and its sessions (§6.2.2).
  void drop_if_restarted(const NodeId& node, const RecoveryTimeStamp& recovery);
  void drop(const NodeId& node, const char* why);
  void purge(Association& association, const char* why);
  void perform(HeartbeatMonitor::Action action, Association& association,
               std::vector<Outgoing>& out);
  void make_probe(Association& association);

  const N4Config& config_;
  const Clock& clock_;
  AssociationTable& associations_;
  SessionProcedures& sessions_;
  SequenceNumbers& sequences_;
  NodeRequests& requests_;
  N4Counters& counters_;
  RecoveryTimeStamp recovery_;
};

}  // namespace sluice::upf::pfcp
