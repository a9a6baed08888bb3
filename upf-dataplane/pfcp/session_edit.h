// Applies the rules of one request to a copy of a session. The caller installs the copy or drops
// it: a refused request changes nothing.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "upf-dataplane/pfcp/group_reader.h"
#include "upf-dataplane/pfcp/n4_config.h"
#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/rule_reader.h"
#include "upf-dataplane/pfcp/tunnel_allocator.h"

namespace sluice::upf::pfcp {

class SessionEdit {
 public:
  // `pools`, `pfds` and what `is_taken` asks have to outlive the edit.
  SessionEdit(const N4Session& before, const N4Config& config, SessionInstaller& installer,
              UeAddressPools& pools, UeAddressPools::IsTaken is_taken, const PfdStore& pfds)
      : session_(before),
        limits_(config.limits),
        pfds_(pfds),
        tunnels_(config.gtp_endpoints, installer),
        addresses_(pools, before.allocated, std::move(is_taken)),
        filters_(session_.spec) {}

  // For an establishment: reads every Create group of rules and checks that what a
  // PDR names exists. A problem is left in `request`. Update and Remove groups are left unread: an
  // establishment has none (table 7.5.2.2-1).
  void create(GroupReader& request);

  // For a modification: as create(), with the Remove groups before and the Update groups after.
  void modify(GroupReader& request);

  // The session as it is to become.
  N4Session& session() { return session_; }

  // Created PDRs and traffic endpoints with what we chose of them, for the response.
  const std::map<PdrId, Chosen>& chosen() const { return chosen_; }
  const std::map<uint8_t, Chosen>& chosen_endpoints() const { return chosen_endpoints_; }

  // What updates granted anew, by URR.
  const std::map<UrrId, Granted>& granted() const { return granted_; }

  // URRs that were removed and created anew under the same id.
  const std::set<UrrId>& replaced() const { return replaced_; }

  // FARs that an update gave an Apply Action, be it the same as before.
  const std::set<FarId>& decided() const { return decided_; }
  // FARs as they were, to whose tunnels an End Marker is to be sent.
  const std::vector<Far>& end_markers() const { return end_markers_; }

  // The user plane has accepted session(): takes over the TEIDs allocated for it and returns those
  // that no PDR uses any more, for the caller to release.
  std::set<Teid> commit();

 private:
  void remove_rules(GroupReader& request);
  void create_rules(GroupReader& request);
  void update_rules(GroupReader& request);
  void create_endpoint(const Ie& group, GroupReader& request);
  void update_endpoint(const Ie& group, GroupReader& request);
  void remove_endpoint(const Ie& group, GroupReader& request);
  void create_pdr(const Ie& group, GroupReader& request);
  void create_far(const Ie& group, GroupReader& request);
  void create_qer(const Ie& group, GroupReader& request);
  void create_bar(const Ie& group, GroupReader& request);
  void update_bar(const Ie& group, GroupReader& request);
  void create_urr(const Ie& group, GroupReader& request);
  void update_pdr(const Ie& group, GroupReader& request);
  void update_far(const Ie& group, GroupReader& request);
  void update_qer(const Ie& group, GroupReader& request);
  void update_urr(const Ie& group, GroupReader& request);
  void check_references(GroupReader& request) const;
  PdrContext pdr_context() {
    return {tunnels_, addresses_, session_.endpoints, filters_, pfds_, limits_};
  }

  N4Session session_;
  const N4Limits& limits_;
  const PfdStore& pfds_;
  TunnelAllocator tunnels_;
  AddressAllocator addresses_;
  SdfReader filters_;
  std::map<PdrId, Chosen> chosen_;
  std::map<uint8_t, Chosen> chosen_endpoints_;
  std::map<UrrId, Granted> granted_;
  std::set<UrrId> removed_urrs_;
  std::set<UrrId> replaced_;
  std::set<FarId> decided_;
  std::vector<Far> end_markers_;
};

}  // namespace sluice::upf::pfcp
