// What sessions report: usage, asked for or due (TS 29.244 §7.5.5, §7.5.7, §7.5.8).
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "upf-dataplane/pfcp/packet_rate_values.h"
#include "upf-dataplane/pfcp/session_procedures.h"

namespace sluice::upf::pfcp {

void SessionProcedures::read_queries(GroupReader& in, const SessionSpec& spec,
                                     Queries& queries) const {
  for (const Ie* group : in.groups(IeType::kQueryUrr)) {
    GroupReader query(group->children);
    const auto id = query.required<UrrId>();
    if (auto why = query.finish()) return in.refuse(*std::move(why));
    if (!spec.urrs.contains(id)) {
      return in.refuse(Rejection{.cause = Cause::kRuleCreationOrModificationFailure,
                                 .offending_ie = IeType::kUrrId,
                                 .failed_rule = FailedRuleId{RuleType::kUrr, id.value()},
                                 .reason = fmt::format("there is no URR {}", id.value())});
    }
    queries.urrs.push_back(id);
  }
  for (const Ie* group : in.groups(IeType::kQueryPacketRateStatus)) {
    GroupReader query(group->children);
    const auto id = query.required<QerId>();
    if (auto why = query.finish()) return in.refuse(*std::move(why));
    if (!spec.qers.contains(id)) {
      return in.refuse(Rejection{.cause = Cause::kRuleCreationOrModificationFailure,
                                 .offending_ie = IeType::kQerId,
                                 .failed_rule = FailedRuleId{RuleType::kQer, id.value()},
                                 .reason = fmt::format("there is no QER {}", id.value())});
    }
    queries.packet_rates.push_back(id);
  }
  if (const auto reference = in.optional<QueryUrrReference>()) queries.reference = reference->value;
  const auto flags = in.optional<PfcpSmReqFlags>().value_or(PfcpSmReqFlags{}).flags;
  queries.all = (flags & PfcpSmReqFlags::kQueryAllUrrs) != 0;
  queries.drop_buffered = (flags & PfcpSmReqFlags::kDropBuffered) != 0;
  if ((flags & ~(PfcpSmReqFlags::kQueryAllUrrs | PfcpSmReqFlags::kDropBuffered)) != 0) {
    in.refuse(Cause::kServiceNotSupported, IeType::kPfcpSmReqFlags,
              fmt::format("asks for {:#04x}", flags));
  }
}

void SessionProcedures::add_usage_reports(Seid seid, const Queries& queries,
                                          std::vector<UsageReport> closed, Message& response) {
  const auto add = [&](const UsageReport& report, std::optional<uint32_t> reference) {
    response.ies.push_back(
        usage_report_ie(IeType::kUsageReportSessionModificationResponse, report, reference));
  };
  for (const UsageReport& report : closed) add(report, {});
  for (const QerId qer : queries.packet_rates) {
    add_packets_left(seid, qer, IeType::kPacketRateStatusReportSessionModificationResponse,
                     response);
  }
  if (queries.all) {
    for (const UsageReport& report : usage_.query_all(seid)) add(report, queries.reference);
    return;
  }
  for (const UrrId urr : queries.urrs) {
    for (const UsageReport& report : usage_.query(seid, urr)) add(report, queries.reference);
  }
}

void SessionProcedures::add_packets_left(Seid seid, QerId qer, IeType type,
                                         Message& response) const {
  const auto left = installer_.packets_left(seid, qer);
  if (left) response.ies.push_back(group(type, {ie(qer), ie(PacketRateStatus{*left})}));
}

void SessionProcedures::usage_changed(Seid seid) { send_usage_reports(seid, usage_.due(seid)); }

void SessionProcedures::advance() {
  for (const auto& [seid, reports] : usage_.advance()) send_usage_reports(seid, reports);
  const auto due = downlink_.advance(clock_.now());
  for (const Seid seid : due.drops) installer_.drop_buffered(seid);
  for (const auto& [seid, pdrs] : due.reports) send_downlink_report(seid, pdrs);
}

void SessionProcedures::send_usage_reports(Seid seid, const std::vector<UsageReport>& reports) {
  const auto found = sessions_.find(seid);
  if (reports.empty() || found == sessions_.end()) return;
  std::vector<Ie> ies{ie(ReportType{ReportType::kUsage})};
  for (const UsageReport& report : reports) {
    ies.push_back(usage_report_ie(IeType::kUsageReportSessionReportRequest, report));
  }
  reports_.send(seid, found->second.cp_f_seid.seid, reports_to(found->second), std::move(ies));
}

// To the address of the SMF's F-SEID, of the family that we have (§4.3.1), and to the port that the
// association's other requests go to.
Peer SessionProcedures::reports_to(const N4Session& session) const {
  const Association* owner = associations_.find(session.owner);
  Peer to{.address = {}, .port = kPort};
  if (owner != nullptr) to = owner->requests_to;
  if (config_.listen.is_v4() && session.cp_f_seid.v4) to.address = *session.cp_f_seid.v4;
  if (!config_.listen.is_v4() && session.cp_f_seid.v6) to.address = *session.cp_f_seid.v6;
  return to;
}

void SessionProcedures::packet_buffered(Seid seid, PdrId id) {
  const auto session = sessions_.find(seid);
  if (session == sessions_.end()) return;
  const SessionSpec& spec = session->second.spec;
  const auto pdr = spec.pdrs.find(id);
  if (pdr == spec.pdrs.end()) return;
  const Far& far = spec.fars.at(pdr->second.far);
  if (!far.notify) return;
  auto due = clock_.now();
  if (far.bar) due += spec.bars.at(*far.bar).notification_delay;
  downlink_.buffered(seid, id, due);
}

void SessionProcedures::send_downlink_report(Seid seid, const std::vector<PdrId>& pdrs) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return;
  const SessionSpec& spec = found->second.spec;
  std::vector<Ie> report;
  DownlinkDataServiceInformation service;
  for (const PdrId id : pdrs) {
    const auto pdr = spec.pdrs.find(id);
    if (pdr == spec.pdrs.end()) continue;  // removed since
    report.push_back(ie(id));
    for (const QerId qer : pdr->second.qers) {
      if (spec.qers.at(qer).qfi) service.qfi = spec.qers.at(qer).qfi;
      if (spec.qers.at(qer).paging_policy) service.paging_policy = spec.qers.at(qer).paging_policy;
    }
  }
  if (report.empty()) return;
  if (service.qfi || service.paging_policy) report.push_back(ie(service));
  reports_.send(seid, found->second.cp_f_seid.seid, reports_to(found->second),
                {ie(ReportType{ReportType::kDownlinkData}),
                 group(IeType::kDownlinkDataReport, std::move(report))});
}

void SessionProcedures::follow_buffering(const SessionEdit& edit, const SessionSpec& spec) {
  for (const auto& [id, pdr] : spec.pdrs) {
    const bool decided = edit.decided().contains(pdr.far);
    // A Buffering Duration is that of the buffering it was given for.
    if (decided) downlink_.keep(spec.seid);
    if (decided || !spec.fars.at(pdr.far).notify) downlink_.rearm(spec.seid, id);
  }
  for (const Far& last : edit.end_markers()) installer_.send_end_marker(last);
}

// §7.5.9: how buffering goes on.
void SessionProcedures::read_report_response(const Message& response, N4Session& session) {
  const Seid seid = session.spec.seid;
  const auto flags = read<PfcpSrRspFlags>(response.ies);
  if (flags && *flags && (*flags)->drop_buffered) installer_.drop_buffered(seid);
  const Ie* update = find(response.ies, IeType::kUpdateBarSessionReportResponse);
  if (update == nullptr) return;
  const auto id = read<BarId>(update->children);
  const auto bar = id && *id ? session.spec.bars.find(**id) : session.spec.bars.end();
  if (bar == session.spec.bars.end()) return;
  const auto delay = read<DownlinkDataNotificationDelay>(update->children);
  if (delay && *delay) bar->second.notification_delay = (*delay)->time;
  const auto before = bar->second.suggested_packets;
  const auto count = read<SuggestedBufferingPacketsCount>(update->children);
  if (count && *count) bar->second.suggested_packets = (*count)->packets;
  const auto extended = read<DlBufferingSuggestedPacketCount>(update->children);
  if (extended && *extended) bar->second.suggested_packets = (*extended)->packets;
  if (bar->second.suggested_packets != before) {
    if (const auto done = installer_.install(session.spec); !done) {
      bar->second.suggested_packets = before;
      spdlog::warn("PFCP BAR not updated seid={:#x} reason=\"{}\"", seid.value(),
                   done.error().to_string());
    }
  }
  const auto duration = read<DlBufferingDuration>(update->children);
  if (!duration || !*duration) return;
  if ((*duration)->time) {
    downlink_.drop_at(seid, clock_.now() + *(*duration)->time);
  } else {
    downlink_.keep(seid);
  }
}

bool SessionProcedures::report_response(const Message& response, const Peer& from) {
  const auto seid = reports_.answered(response, from);
  if (!seid) return false;
  const auto found = sessions_.find(*seid);
  const auto cause = read<Cause>(response.ies);
  if (found == sessions_.end() || !cause || !*cause) return true;
  if (**cause == Cause::kSessionContextNotFound) {
    spdlog::warn("PFCP session removed peer={} seid={:#x} reason=\"its SMF does not know it\"",
                 from.address.to_string(), seid->value());
    if (Association* owner = associations_.find(found->second.owner)) owner->sessions.erase(*seid);
    forget(found->second);
    ++counters_.sessions_purged;
  } else if (is_accepted(**cause)) {
    read_report_response(response, found->second);
  }
  return true;
}

}  // namespace sluice::upf::pfcp
