#include "upf-dataplane/pfcp/node_procedures.h"

#include <algorithm>

#include "base/log.h"
#include "upf-dataplane/pfcp/endpoint_values.h"
#include "upf-dataplane/pfcp/response.h"

namespace sluice::upf::pfcp {
namespace {

// What this UPF does beyond the mandatory (§8.2.25); every bit here is tested.
UpFunctionFeatures features(const N4Config& config) {
  using F = UpFunctionFeatures;
  return {F::kNotificationDelay | F::kBufferingDuration | F::kFTeidAllocation | F::kPfdManagement |
          F::kRedirection | F::kEndMarkers | F::kTrafficEndpoints | F::kBufferingControl |
          F::kFramedRouting | F::kPacketCounts | F::kQuotaValidity | F::kIpv6PrefixLength |
          F::kQuotaAction | F::kNumberOfReports | F::kSmallData |
          (config.ue_pools.empty() ? 0 : F::kUeAddresses)};
}

// §7.4.4.1.2: which pools there are, for SMFs that choose one.
Ie describe(const UeAddressPoolConfig& pool) {
  std::vector<Ie> ies{ie(UeIpAddressPoolIdentity{pool.name})};
  if (!pool.network_instance.empty()) ies.push_back(ie(NetworkInstance{pool.network_instance}));
  ies.push_back(ie(IpVersion{.v4 = !pool.v4.empty(), .v6 = !pool.v6.empty()}));
  return group(IeType::kUeIpAddressPoolInformation, std::move(ies));
}

Rejection not_associated(const NodeId& node) {
  return {.cause = Cause::kNoEstablishedAssociation,
          .offending_ie = IeType::kNodeId,
          .reason = fmt::format("{} is not associated", node.to_string())};
}

}  // namespace

NodeProcedures::NodeProcedures(const N4Config& config, const Clock& clock,
                               AssociationTable& associations, SessionProcedures& sessions,
                               SequenceNumbers& sequences, NodeRequests& requests,
                               N4Counters& counters)
    : config_(config),
      clock_(clock),
      associations_(associations),
      sessions_(sessions),
      sequences_(sequences),
      requests_(requests),
      counters_(counters),
      recovery_{std::chrono::floor<std::chrono::seconds>(clock.wall())} {}

Message NodeProcedures::associate(const Message& request, const Peer& from) {
  GroupReader in(request.ies);
  const auto node = in.required<NodeId>();
  const auto recovery = in.required<RecoveryTimeStamp>();
  const auto retention = in.group(IeType::kPfcpSessionRetentionInformation);
  const auto cp_features = in.optional<CpFunctionFeatures>().value_or(CpFunctionFeatures{});
  in.accept({IeType::kAlternativeSmfIpAddress, IeType::kSmfSetId, IeType::kNfInstanceId,
             IeType::kUserPlaneIpResourceInformation});
  in.accept_if_zero(IeType::kPfcpAsReqFlags);
  Association* earlier = associations_.find(node);
  if (earlier == nullptr && associations_.size() >= config_.limits.associations) {
    in.refuse(Rejection{.cause = Cause::kNoResourcesAvailable, .reason = "too many associations"});
  }
  const auto rejection = in.finish();
  Message response = rejection ? reject(request.header, {}, config_.node_id, *rejection)
                               : accept(request.header, {}, config_.node_id);
  response.ies.push_back(ie(recovery_));
  if (rejection) return response;

  std::set<Seid> retained;
  if (earlier != nullptr && retains_sessions(*earlier, recovery, retention)) {
    retained = std::move(earlier->sessions);
    response.ies.push_back(ie(AssociationSetupResponseFlags{.sessions_retained = true}));
  } else if (earlier != nullptr) {
    purge(*earlier, "set up anew");
  }
  response.ies.push_back(ie(features(config_)));
  for (const auto& pool : config_.ue_pools) response.ies.push_back(describe(pool));
  const uint16_t port = config_.peer_port != 0 ? config_.peer_port : from.port;
  associations_.put({.node = node,
                     .set_up_from = from,
                     .requests_to = {from.address, port},
                     .recovery = recovery,
                     .monitor = HeartbeatMonitor(config_, clock_.now()),
                     .sessions = std::move(retained),
                     .features = cp_features});
  spdlog::info("PFCP association established peer={} address={}", node.to_string(),
               from.address.to_string());
  return response;
}

bool NodeProcedures::retains_sessions(const Association& earlier, const RecoveryTimeStamp& recovery,
                                      const std::optional<std::span<const Ie>>& retention) const {
  // Retaining only the sessions of some CP entities is not offered: then none are retained, and
  // the response says so.
  return retention && retention->empty() && earlier.recovery == recovery;
}

Message NodeProcedures::update(const Message& request) {
  GroupReader in(request.ies);
  const auto node = in.required<NodeId>();
  const auto cp_features = in.optional<CpFunctionFeatures>();
  in.accept({IeType::kAlternativeSmfIpAddress, IeType::kSmfSetId});
  in.accept_if_zero(IeType::kPfcpAuReqFlags);
  Association* association = in.failed() ? nullptr : associations_.find(node);
  if (!in.failed() && association == nullptr) in.refuse(not_associated(node));
  if (const auto why = in.finish()) return reject(request.header, {}, config_.node_id, *why);
  if (cp_features) association->features = *cp_features;
  Message response = accept(request.header, {}, config_.node_id);
  response.ies.push_back(ie(features(config_)));
  return response;
}

Message NodeProcedures::release(const Message& request) {
  GroupReader in(request.ies);
  const auto node = in.required<NodeId>();
  if (!in.failed() && associations_.find(node) == nullptr) in.refuse(not_associated(node));
  if (const auto why = in.finish()) return reject(request.header, {}, config_.node_id, *why);
  drop(node, "released");
  return accept(request.header, {}, config_.node_id);
}

// The request tells its node no better than by its sender's address.
Message NodeProcedures::manage_pfds(const Message& request, const Peer& from) {
  const bool is_associated = std::ranges::any_of(associations_, [&](const auto& entry) {
    return entry.second.requests_to.address == from.address;
  });
  if (is_associated) return sessions_.manage_pfds(request);
  return reject(request.header, {}, config_.node_id,
                {.cause = Cause::kNoEstablishedAssociation,
                 .reason = fmt::format("{} is not associated", from.address.to_string())});
}

// §6.2.8.3: the SMF moves its sessions and releases the association.
void NodeProcedures::request_release() {
  for (const auto& [node, association] : associations_) {
    requests_.send(MessageType::kAssociationUpdateRequest, association.requests_to,
                   {ie(config_.node_id), ie(PfcpAssociationReleaseRequest{.by_us = true})});
  }
}

// §7.4.5.1.
void NodeProcedures::report_path(const IpAddress& peer, bool works) {
  const auto type = works ? NodeReportType::kPathRecovery : NodeReportType::kPathFailure;
  const auto report =
      works ? IeType::kUserPlanePathRecoveryReport : IeType::kUserPlanePathFailureReport;
  for (const auto& [node, association] : associations_) {
    if (association.sessions.empty()) continue;
    requests_.send(
        MessageType::kNodeReportRequest, association.requests_to,
        {ie(config_.node_id), ie(NodeReportType{type}), group(report, {ie(RemoteGtpUPeer{peer})})});
  }
}

Message NodeProcedures::heartbeat(const Message& request, const Peer& from) {
  const auto recovery = read<RecoveryTimeStamp>(request.ies);
  if (recovery && *recovery) {
    // It carries no node id: only the sender's address and port tell who it is.
    const Association* sender = associations_.find_sender(from);
    if (sender != nullptr) drop_if_restarted(NodeId(sender->node), **recovery);
  }
  Message response{.header = response_header(request.header, {})};
  response.ies.push_back(ie(recovery_));
  return response;
}

bool NodeProcedures::heartbeat_response(const Message& response, const Peer& from) {
  const auto found = std::ranges::find_if(associations_, [&](const auto& entry) {
    return entry.second.requests_to.address == from.address &&
           entry.second.probe_sequence == response.header.sequence;
  });
  if (found == associations_.end()) return false;
  Association& association = found->second;
  association.probe_sequence.reset();
  heard(association);
  // Where requests to several nodes go to one place, its start time is not known to be theirs.
  const bool is_only_one = std::ranges::count_if(associations_, [&](const auto& entry) {
                             return entry.second.requests_to == association.requests_to;
                           }) == 1;
  const auto recovery = read<RecoveryTimeStamp>(response.ies);
  if (is_only_one && recovery && *recovery) {
    drop_if_restarted(NodeId(association.node), **recovery);
  }
  return true;
}

void NodeProcedures::drop_if_restarted(const NodeId& node, const RecoveryTimeStamp& recovery) {
  const Association* association = associations_.find(node);
  if (association != nullptr && association->recovery < recovery) drop(node, "restarted");
}

void NodeProcedures::drop(const NodeId& node, const char* why) {
  Association* association = associations_.find(node);
  if (association == nullptr) return;
  purge(*association, why);
  associations_.erase(node);
}

void NodeProcedures::purge(Association& association, const char* why) {
  const size_t purged = sessions_.purge(association);
  counters_.sessions_purged += purged;
  spdlog::info("PFCP association ended peer={} reason=\"{}\" sessions_removed={}",
               association.node.to_string(), why, purged);
}

void NodeProcedures::heard(const Peer& from) {
  if (Association* sender = associations_.find_sender(from)) heard(*sender);
}

void NodeProcedures::heard(Association& association) {
  if (!association.monitor.heard(clock_.now())) return;
  ++counters_.peers_recovered;
  spdlog::info("PFCP peer answers again peer={}", association.node.to_string());
}

std::vector<Outgoing> NodeProcedures::advance() {
  using Action = HeartbeatMonitor::Action;
  std::vector<Outgoing> out;
  std::vector<NodeId> dead;
  for (auto& [node, association] : associations_) {
    const Action action = association.monitor.advance(clock_.now());
    perform(action, association, out);
    if (action == Action::kGiveUp) dead.push_back(node);
  }
  for (const NodeId& node : dead) drop(node, "does not answer");
  return out;
}

void NodeProcedures::perform(HeartbeatMonitor::Action action, Association& association,
                             std::vector<Outgoing>& out) {
  using Action = HeartbeatMonitor::Action;
  switch (action) {
    case Action::kRepeat:
      ++counters_.heartbeats_repeated;
      break;
    case Action::kProbe:
      make_probe(association);
      break;
    case Action::kDeclareLost:
      ++counters_.peers_lost;
      spdlog::warn("PFCP peer does not answer peer={} sessions={}", association.node.to_string(),
                   association.sessions.size());
      return;
    case Action::kGiveUp:
    case Action::kNone:
      return;
  }
  ++counters_.sent[N4Counters::index(MessageType::kHeartbeatRequest)];
  out.push_back({association.requests_to, association.probe});
}

void NodeProcedures::make_probe(Association& association) {
  const uint32_t sequence = sequences_.next();
  const Message probe{.header = {.type = MessageType::kHeartbeatRequest, .sequence = sequence},
                      .ies = {ie(recovery_)}};
  association.probe_sequence = sequence;
  association.probe = encode(probe).value();
}

std::optional<HeartbeatMonitor::TimePoint> NodeProcedures::next_deadline() const {
  std::optional<HeartbeatMonitor::TimePoint> next;
  for (const auto& [node, association] : associations_) {
    const auto deadline = association.monitor.deadline();
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

}  // namespace sluice::upf::pfcp
