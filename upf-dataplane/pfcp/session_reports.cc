// What sessions report: usage, asked for or due (TS 29.244 §7.5.5, §7.5.7, §7.5.8).
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
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
  if (const auto reference = in.optional<QueryUrrReference>()) queries.reference = reference->value;
  const auto flags = in.optional<PfcpSmReqFlags>().value_or(PfcpSmReqFlags{}).flags;
  queries.all = (flags & PfcpSmReqFlags::kQueryAllUrrs) != 0;
  if ((flags & ~PfcpSmReqFlags::kQueryAllUrrs) != 0) {
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
  if (queries.all) {
    for (const UsageReport& report : usage_.query_all(seid)) add(report, queries.reference);
    return;
  }
  for (const UrrId urr : queries.urrs) {
    for (const UsageReport& report : usage_.query(seid, urr)) add(report, queries.reference);
  }
}

void SessionProcedures::usage_changed(Seid seid) { send_usage_reports(seid, usage_.due(seid)); }

void SessionProcedures::advance() {
  for (const auto& [seid, reports] : usage_.advance()) send_usage_reports(seid, reports);
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
  }
  return true;
}

}  // namespace sluice::upf::pfcp
