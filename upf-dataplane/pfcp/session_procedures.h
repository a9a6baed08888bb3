// Session establishment, modification and deletion (TS 29.244 §6.3): request in, response out, and
// between them the user plane changes completely or not at all.
#pragma once

#include <optional>
#include <unordered_map>

#include "upf-dataplane/pfcp/association.h"
#include "upf-dataplane/pfcp/message.h"
#include "upf-dataplane/pfcp/n4_counters.h"
#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/session_edit.h"
#include "upf-dataplane/pfcp/ue_index.h"
#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

class SessionProcedures {
 public:
  // All must outlive this.
  SessionProcedures(const N4Config& config, SessionInstaller& installer,
                    AssociationTable& associations, N4Counters& counters)
      : config_(config), installer_(installer), associations_(associations), counters_(counters) {}

  Message establish(const Message& request);
  Message modify(const Message& request, const Peer& from);
  Message remove(const Message& request, const Peer& from);

  // The SMF's SEID of a session of ours, for the header of any response about it; 0 when there is
  // no such session (§7.2.2.4.2).
  uint64_t peer_seid(std::optional<uint64_t> seid) const;

  // Removes every session of the association and returns how many there were.
  size_t purge(Association& association);

  size_t size() const { return sessions_.size(); }

 private:
  // The session of a request, or the rejection when there is none or the sender may not touch it.
  std::expected<N4Session*, Rejection> session_of(const Message& request, const Peer& from);
  std::optional<Rejection> establish_into(GroupReader& in, SessionEdit& edit,
                                          Association& association);
  std::optional<Rejection> modify_into(GroupReader& in, SessionEdit& edit);
  // The user plane takes the session over as edited.
  Result<void> install(SessionEdit& edit);
  // Removes the sessions of `association` that have a UE address of `spec`; whether there were any.
  // The SMF assigns the addresses, so that its newer session tells that the older is obsolete: it
  // could not delete it, or has forgotten it.
  bool replace_older(const SessionSpec& spec, Association& association);
  void forget(N4Session& session);
  void add_created_pdrs(const SessionEdit& edit, const SessionSpec& spec, Message& response) const;
  FSeid own_f_seid(Seid seid) const;

  const N4Config& config_;
  SessionInstaller& installer_;
  AssociationTable& associations_;
  N4Counters& counters_;
  std::unordered_map<Seid, N4Session> sessions_;
  UeIndex ues_;
};

}  // namespace sluice::upf::pfcp
