// Session establishment, modification and deletion (TS 29.244 §6.3): request in, response out, and
// between them the user plane changes completely or not at all.
#pragma once

#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "upf-dataplane/pfcp/association.h"
#include "upf-dataplane/pfcp/downlink_reports.h"
#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/report_sender.h"
#include "upf-dataplane/pfcp/session_edit.h"
#include "upf-dataplane/pfcp/ue_address_pools.h"
#include "upf-dataplane/pfcp/ue_index.h"
#include "upf-dataplane/pfcp/usage_ledger.h"
#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

class SessionProcedures {
 public:
  // All must outlive this.
  SessionProcedures(const N4Config& config, SessionInstaller& installer, const Clock& clock,
                    AssociationTable& associations, UsageLedger& usage, ReportSender& reports,
                    LoadControl& load, N4Counters& counters)
      : config_(config),
        installer_(installer),
        clock_(clock),
        associations_(associations),
        usage_(usage),
        reports_(reports),
        load_(load),
        counters_(counters),
        pools_(config.ue_pools) {}

  Message establish(const Message& request);
  Message modify(const Message& request, const Peer& from);
  Message remove(const Message& request, const Peer& from);
  // Removes the sender's sessions of the sets that the request names (§7.4.6).
  Message remove_sets(const Message& request, const Peer& from);

  // Workers called for the session: sends the usage reports that are due.
  void usage_changed(Seid seid);
  // A packet was buffered: its SMF is told, if it wants to, when its BAR's delay is over.
  void packet_buffered(Seid seid, PdrId pdr);
  // The far end of a tunnel that the session's FARs lead to does not know it: they stop using it,
  // and the SMF is told, once (TS 29.244 §5.6, §7.5.8.4).
  void tunnel_unknown(Seid seid, const OuterHeader& tunnel);
  // Sends what is due because of time. Of downlink data nothing is before next_deadline().
  void advance();
  std::optional<DownlinkReports::Time> next_deadline() const { return downlink_.next_deadline(); }
  // The SMF's answer to a report; false when none waits for it. A session that the SMF does not
  // know is removed (§7.5.8.1).
  bool report_response(const Message& response, const Peer& from);

  // The SMF's SEID of a session of ours, for the header of any response about it; 0 when there is
  // no such session (§7.2.2.4.2).
  uint64_t peer_seid(std::optional<uint64_t> seid) const;

  // What PFDs describe, and the sessions whose PDRs name it follow (§6.2.5).
  Message manage_pfds(const Message& request);

  // Removes every session of the association and returns how many there were.
  size_t purge(Association& association);

  size_t size() const { return sessions_.size(); }
  // UE addresses of ours that are in use.
  size_t allocated_addresses() const { return pools_.in_use(); }
  // What the SMF asked for; null when there is no such session. Valid until the next message.
  const SessionSpec* spec(Seid seid) const {
    const auto found = sessions_.find(seid);
    return found == sessions_.end() ? nullptr : &found->second.spec;
  }

 private:
  struct Queries {
    bool all = false;
    std::vector<UrrId> urrs = {};
    std::vector<QerId> packet_rates = {};
    std::optional<uint32_t> reference = {};
    bool drop_buffered = false;
  };
  // The session of a request, or the rejection when there is none or the sender may not touch it.
  std::expected<N4Session*, Rejection> session_of(const Message& request, const Peer& from);
  std::optional<Rejection> establish_into(GroupReader& in, SessionEdit& edit,
                                          Association& association);
  std::optional<Rejection> modify_into(GroupReader& in, SessionEdit& edit, Queries& queries);
  void read_sets(GroupReader& in, N4Session& session) const;
  // Reads what a modification asks to be told: usage, without a limit having been reached.
  void read_queries(GroupReader& in, const SessionSpec& spec, Queries& queries) const;
  void add_usage_reports(Seid seid, const Queries& queries, std::vector<UsageReport> closed,
                         Message& response);
  // What is left of a QER's packet rates, if it has some, in a response.
  void add_packets_left(Seid seid, QerId qer, IeType type, Message& response) const;
  void send_downlink_report(Seid seid, const std::vector<PdrId>& pdrs);
  // What a modification means for packets that are buffered.
  void follow_buffering(const SessionEdit& edit, const SessionSpec& spec);
  void read_report_response(const Message& response, N4Session& session);
  void send_usage_reports(Seid seid, const std::vector<UsageReport>& reports);
  Peer reports_to(const N4Session& session) const;
  // The user plane takes the session over as edited.
  Result<void> install(SessionEdit& edit, Buffered buffered = Buffered::kKeep);
  // Removes the sessions of `association` that have a UE address of `spec`; whether there were any.
  // The SMF assigns the addresses, so that its newer session tells that the older is obsolete: it
  // could not delete it, or has forgotten it.
  bool replace_older(const SessionSpec& spec, Association& association);
  void forget(N4Session& session);
  void follow_applications(const SessionSpec& spec);
  void add_created(const SessionEdit& edit, const N4Session& session, Message& response) const;
  UeAddressPools::IsTaken is_taken() const;
  // What the SMF has not been told of our load.
  void add_load(const NodeId& owner, Message& response);
  FSeid own_f_seid(Seid seid) const;

  const N4Config& config_;
  SessionInstaller& installer_;
  const Clock& clock_;
  AssociationTable& associations_;
  UsageLedger& usage_;
  ReportSender& reports_;
  LoadControl& load_;
  N4Counters& counters_;
  std::unordered_map<Seid, N4Session> sessions_;
  UeIndex ues_;
  UeAddressPools pools_;
  PfdStore pfds_;
  std::set<Seid> with_applications_;  // sessions with PDRs that name one
  DownlinkReports downlink_;
};

}  // namespace sluice::upf::pfcp
