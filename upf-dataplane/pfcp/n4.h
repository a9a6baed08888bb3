// The N4 interface without its socket: datagrams in, datagrams out, time passed in.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/pfcp/association.h"
#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/node_procedures.h"
#include "upf-dataplane/pfcp/report_sender.h"
#include "upf-dataplane/pfcp/response_cache.h"
#include "upf-dataplane/pfcp/session_procedures.h"
#include "upf-dataplane/pfcp/usage_ledger.h"
#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

class N4 {
 public:
  // `installer` and `clock` must outlive this. The configuration has passed check().
  N4(const N4Config& config, SessionInstaller& installer, const Clock& clock);
  N4(const N4&) = delete;
  N4& operator=(const N4&) = delete;

  // Carries out what a datagram asks for and returns what to answer. Every request gets a response;
  // what is not PFCP, or answers nothing, is counted and dropped.
  std::vector<Outgoing> receive(const Peer& from, Bytes datagram);

  // Heartbeats and reports that are due, also those that receive() and usage_changed() have caused.
  // Nothing is due before next_deadline().
  std::vector<Outgoing> advance();
  std::optional<HeartbeatMonitor::TimePoint> next_deadline() const;

  // Asks every SMF to release its association, as before an orderly stop.
  void request_release() { node_.request_release(); }
  // The path to a GTP-U peer has failed, or works again.
  void report_path(const IpAddress& peer, bool works) { node_.report_path(peer, works); }

  // Workers say that a URR of the session has reached a limit, or has its first packet.
  void usage_changed(Seid seid) { sessions_.usage_changed(seid); }
  // A packet that the PDR has detected was buffered.
  void packet_buffered(Seid seid, PdrId pdr) { sessions_.packet_buffered(seid, pdr); }
  // The far end of a session's tunnel does not know it.
  void tunnel_unknown(Seid seid, const OuterHeader& tunnel) {
    sessions_.tunnel_unknown(seid, tunnel);
  }

  const N4Counters& counters() const { return counters_; }
  const AssociationTable& associations() const { return associations_; }
  size_t session_count() const { return sessions_.size(); }
  size_t allocated_addresses() const { return sessions_.allocated_addresses(); }
  const LoadControl& load() const { return load_; }
  // What the SMF asked for; null when there is no such session. Valid until the next message.
  const SessionSpec* spec(Seid seid) const { return sessions_.spec(seid); }

 private:
  using Response = std::optional<std::vector<uint8_t>>;

  Response answer(const Peer& from, Bytes bytes, const Message& message);
  // False when it answers nothing of ours.
  bool take_response(const Message& response, const Peer& from);
  Response answer_request(const Peer& from, Bytes bytes, const Message& request);
  Response answer_undecodable(const Peer& from, const DecodeError& error);
  std::optional<Message> perform(const Message& request, const Peer& from);
  Response finish(const Message& response, const Peer& to);

  const N4Config config_;
  const Clock& clock_;
  N4Counters counters_;
  AssociationTable associations_;
  SequenceNumbers sequences_;
  ReportSender reports_;
  NodeRequests requests_;
  LoadControl load_;
  UsageLedger usage_;
  SessionProcedures sessions_;
  NodeProcedures node_;
  ResponseCache cache_;
};

}  // namespace sluice::upf::pfcp
