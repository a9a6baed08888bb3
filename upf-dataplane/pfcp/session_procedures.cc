#include "upf-dataplane/pfcp/session_procedures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/response.h"

namespace sluice::upf::pfcp {
namespace {

Rejection rejection(Cause cause, IeType type, std::string reason) {
  return {.cause = cause, .offending_ie = type, .reason = std::move(reason)};
}

void read_pdn_type(GroupReader& in) {
  const auto type = in.optional<PdnType>();
  if (type && type->value > PdnType::kIpv4v6) {
    in.refuse(Cause::kServiceNotSupported, IeType::kPdnType, "only IP sessions are supported");
  }
}

// Without an APN/DNN element the network instance of the core side names the data network.
std::string dnn_of(const SessionSpec& spec) {
  for (const auto& [id, pdr] : spec.pdrs) {
    if (pdr.source != Interface::kAccess && !pdr.network_instance.empty()) {
      return pdr.network_instance;
    }
  }
  return {};
}

bool is_from_owner(const N4Session& session, const Association& owner, const IpAddress& sender) {
  return owner.requests_to.address == sender ||
         (session.cp_f_seid.v4 && IpAddress(*session.cp_f_seid.v4) == sender) ||
         (session.cp_f_seid.v6 && IpAddress(*session.cp_f_seid.v6) == sender);
}

}  // namespace

Message SessionProcedures::establish(const Message& request) {
  GroupReader in(request.ies);
  const auto node = in.required<NodeId>();
  const auto cp_f_seid = in.required<FSeid>();
  const uint64_t seid = cp_f_seid.seid;
  const auto refused = [&](const Rejection& why) {
    return reject(request.header, seid, config_.node_id, why);
  };
  if (in.failed()) return refused(*in.finish());
  Association* association = associations_.find(node);
  if (association == nullptr) {
    return refused(rejection(Cause::kNoEstablishedAssociation, IeType::kNodeId,
                             fmt::format("{} is not associated", node.to_string())));
  }

  SessionEdit edit(N4Session{.owner = node, .cp_f_seid = cp_f_seid}, config_, installer_, pools_,
                   is_taken(), pfds_);
  if (auto why = establish_into(in, edit, *association)) return refused(*why);

  Message response = accept(request.header, seid, config_.node_id);
  response.ies.push_back(ie(own_f_seid(edit.session().spec.seid)));
  add_created(edit, edit.session(), response);
  N4Session session = std::move(edit.session());
  association->sessions.insert(session.spec.seid);
  usage_.follow(session.spec, {});
  ues_.add(session.spec);
  follow_applications(session.spec);
  sessions_.emplace(session.spec.seid, std::move(session));
  add_load(node, response);
  return response;
}

std::optional<Rejection> SessionProcedures::establish_into(GroupReader& in, SessionEdit& edit,
                                                           Association& association) {
  SessionSpec& spec = edit.session().spec;
  in.required_group(IeType::kCreatePdr);
  in.required_group(IeType::kCreateFar);
  read_pdn_type(in);
  const auto dnn = in.optional<Dnn>();
  if (const auto slice = in.optional<SNssai>()) spec.snssai = slice->value;
  read_sets(in, edit.session());
  in.accept({IeType::kUserId, IeType::kRatType, IeType::kGroupId, IeType::kRecoveryTimeStamp});
  in.accept_if_zero(IeType::kPfcpSeReqFlags);
  edit.create(in);
  if (auto why = in.finish()) return why;
  if (association.sessions.size() >= config_.limits.sessions_per_association) {
    return Rejection{
        .cause = Cause::kNoResourcesAvailable,
        .reason = fmt::format("{} has {} sessions already", association.node.to_string(),
                              association.sessions.size())};
  }
  const auto seid = installer_.allocate_seid();
  if (!seid) return rejection_of(seid.error());
  spec.seid = *seid;
  spec.dnn = dnn ? dnn->name : dnn_of(spec);
  auto installed = install(edit);
  if (!installed && installed.error().code == ErrorCode::kConflict &&
      replace_older(spec, association)) {
    installed = install(edit);
  }
  if (!installed) return rejection_of(installed.error());
  return std::nullopt;
}

Message SessionProcedures::modify(const Message& request, const Peer& from) {
  const auto found = session_of(request, from);
  if (!found)
    return reject(request.header, peer_seid(request.header.seid), config_.node_id, found.error());
  N4Session& session = **found;
  GroupReader in(request.ies);
  SessionEdit edit(session, config_, installer_, pools_, is_taken(), pfds_);
  Queries queries;
  if (auto why = modify_into(in, edit, queries)) {
    return reject(request.header, session.cp_f_seid.seid, config_.node_id, *why);
  }
  const bool renamed = session.cp_f_seid != edit.session().cp_f_seid;
  ues_.remove(session.spec);
  session = std::move(edit.session());
  ues_.add(session.spec);
  follow_applications(session.spec);
  if (renamed) {
    reports_.readdress(session.spec.seid, session.cp_f_seid.seid, reports_to(session));
  }
  Message response = accept(request.header, session.cp_f_seid.seid, config_.node_id);
  add_created(edit, session, response);
  auto closed = usage_.close_removed(session.spec.seid, session.spec, edit.replaced());
  usage_.follow(session.spec, edit.granted());
  follow_buffering(edit, session.spec);
  add_usage_reports(session.spec.seid, queries, std::move(closed), response);
  add_load(session.owner, response);
  return response;
}

std::optional<Rejection> SessionProcedures::modify_into(GroupReader& in, SessionEdit& edit,
                                                        Queries& queries) {
  // Within a set, another SMF may take a session over (§5.22); that is not offered here.
  const auto node = in.optional<NodeId>();
  if (node && *node != edit.session().owner) {
    in.refuse(Cause::kServiceNotSupported, IeType::kNodeId, "a session stays with its SMF");
  }
  if (const auto f_seid = in.optional<FSeid>()) edit.session().cp_f_seid = *f_seid;
  if (const auto slice = in.optional<SNssai>()) edit.session().spec.snssai = slice->value;
  read_sets(in, edit.session());
  in.accept({IeType::kRatType, IeType::kGroupId});
  edit.modify(in);
  read_queries(in, edit.session().spec, queries);
  if (auto why = in.finish()) return why;
  const auto buffered = queries.drop_buffered ? Buffered::kDrop : Buffered::kKeep;
  if (const auto installed = install(edit, buffered); !installed) {
    return rejection_of(installed.error());
  }
  return std::nullopt;
}

Result<void> SessionProcedures::install(SessionEdit& edit, Buffered buffered) {
  auto installed = installer_.install(edit.session().spec, buffered);
  if (!installed) return installed;
  for (const Teid unused : edit.commit()) installer_.release_teid(unused);
  return {};
}

bool SessionProcedures::replace_older(const SessionSpec& spec, Association& association) {
  std::set<Seid> older;
  ues_.each_holder(spec, [&](Seid seid) {
    if (association.sessions.contains(seid)) older.insert(seid);
  });
  for (const Seid seid : older) {
    spdlog::warn(
        "PFCP session replaced peer={} seid={:#x} reason=\"a newer one has its UE's address\"",
        association.node.to_string(), seid.value());
    association.sessions.erase(seid);
    forget(sessions_.at(seid));
  }
  counters_.sessions_replaced += older.size();
  return !older.empty();
}

Message SessionProcedures::remove(const Message& request, const Peer& from) {
  const auto found = session_of(request, from);
  const uint64_t seid = peer_seid(request.header.seid);
  if (!found) return reject(request.header, seid, config_.node_id, found.error());
  N4Session& session = **found;
  Message response = accept(request.header, seid, config_.node_id);
  for (const UsageReport& report : usage_.close(session.spec.seid)) {
    response.ies.push_back(usage_report_ie(IeType::kUsageReportSessionDeletionResponse, report));
  }
  for (const auto& [id, qer] : session.spec.qers) {
    if (!qer.reports_packets_left) continue;
    add_packets_left(session.spec.seid, id, IeType::kPacketRateStatusReportSessionDeletionResponse,
                     response);
  }
  if (Association* owner = associations_.find(session.owner)) {
    owner->sessions.erase(session.spec.seid);
  }
  reports_.finish(session.spec.seid);
  const NodeId owner = session.owner;
  forget(session);
  add_load(owner, response);
  return response;
}

std::expected<N4Session*, Rejection> SessionProcedures::session_of(const Message& request,
                                                                   const Peer& from) {
  const auto found = sessions_.find(Seid(request.header.seid.value_or(0)));
  if (found == sessions_.end()) {
    return std::unexpected(
        Rejection{.cause = Cause::kSessionContextNotFound, .reason = "no session has this SEID"});
  }
  N4Session& session = found->second;
  const Association* owner = associations_.find(session.owner);
  if (owner == nullptr || !is_from_owner(session, *owner, from.address)) {
    return std::unexpected(
        Rejection{.cause = Cause::kNoEstablishedAssociation,
                  .reason = fmt::format("{} does not own the session", from.address.to_string())});
  }
  return &session;
}

uint64_t SessionProcedures::peer_seid(std::optional<uint64_t> seid) const {
  const auto found = sessions_.find(Seid(seid.value_or(0)));
  return found == sessions_.end() ? 0 : found->second.cp_f_seid.seid;
}

size_t SessionProcedures::purge(Association& association) {
  const auto seids = std::exchange(association.sessions, {});
  for (const Seid seid : seids) {
    if (const auto found = sessions_.find(seid); found != sessions_.end()) forget(found->second);
  }
  return seids.size();
}

void SessionProcedures::forget(N4Session& session) {
  usage_.close(session.spec.seid);
  reports_.forget(session.spec.seid);
  downlink_.forget(session.spec.seid);
  ues_.remove(session.spec);
  with_applications_.erase(session.spec.seid);
  installer_.remove(session.spec.seid);
  for (const Teid teid : session.teids) installer_.release_teid(teid);
  if (session.allocated.v4) pools_.release(IpPrefix::make(*session.allocated.v4, 32).value());
  if (session.allocated.v6) pools_.release(*session.allocated.v6);
  sessions_.erase(Seid(session.spec.seid));
}

void SessionProcedures::add_created(const SessionEdit& edit, const N4Session& session,
                                    Message& response) const {
  const auto add = [&](IeType type, Ie id, const Chosen& chosen, const auto& of) {
    std::vector<Ie> created{std::move(id)};
    if (chosen.f_teid && of.f_teid) {
      created.push_back(
          ie(FTeid{.teid = of.f_teid->teid, .v4 = of.f_teid->v4, .v6 = of.f_teid->v6}));
    }
    if (chosen.ue && of.ue) {
      created.push_back(ie(UeIpAddress{.v4 = of.ue->v4, .v6 = of.ue->v6}));
    }
    response.ies.push_back(group(type, std::move(created)));
  };
  for (const auto& [id, chosen] : edit.chosen()) {
    const auto pdr = session.spec.pdrs.find(id);
    if (pdr != session.spec.pdrs.end()) add(IeType::kCreatedPdr, ie(id), chosen, pdr->second);
  }
  for (const auto& [id, chosen] : edit.chosen_endpoints()) {
    const auto endpoint = session.endpoints.find(id);
    if (endpoint == session.endpoints.end()) continue;
    add(IeType::kCreatedTrafficEndpoint, ie(TrafficEndpointId{id}), chosen, endpoint->second);
  }
}

UeAddressPools::IsTaken SessionProcedures::is_taken() const {
  return [this](const IpPrefix& prefix) { return ues_.contains(prefix); };
}

void SessionProcedures::follow_applications(const SessionSpec& spec) {
  const bool has_any = std::ranges::any_of(
      spec.pdrs, [](const auto& rule) { return !rule.second.application_id.empty(); });
  if (has_any) {
    with_applications_.insert(spec.seid);
  } else {
    with_applications_.erase(spec.seid);
  }
}

Message SessionProcedures::manage_pfds(const Message& request) {
  GroupReader in(request.ies);
  in.optional<NodeId>();
  const auto changed = pfds_.manage(in);
  if (const auto why = in.finish()) return reject(request.header, {}, config_.node_id, *why);
  for (const Seid seid : with_applications_) {
    SessionSpec& spec = sessions_.at(seid).spec;
    const SessionSpec before = spec;
    for (auto& [id, pdr] : spec.pdrs) {
      if (changed.contains(pdr.application_id)) pdr.sdf = pfds_.filters(pdr.application_id);
    }
    if (spec == before) continue;
    if (const auto done = installer_.install(spec); !done) {
      spec = before;
      spdlog::warn("PFCP application not updated seid={:#x} reason=\"{}\"", seid.value(),
                   done.error().to_string());
    }
  }
  return accept(request.header, {}, config_.node_id);
}

void SessionProcedures::add_load(const NodeId& owner, Message& response) {
  Association* association = associations_.find(owner);
  if (association == nullptr || association->features.bits == 0) return;
  load_.set(installer_.load());
  std::ranges::move(load_.tell(association->features, association->told),
                    std::back_inserter(response.ies));
}

FSeid SessionProcedures::own_f_seid(Seid seid) const {
  FSeid own{.seid = seid.value()};
  if (config_.listen.is_v4()) {
    own.v4 = config_.listen.v4();
  } else {
    own.v6 = config_.listen.v6();
  }
  return own;
}

}  // namespace sluice::upf::pfcp
