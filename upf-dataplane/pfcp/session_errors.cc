// What sessions report when the far ends of their tunnels have forgotten them.
#include "base/log.h"
#include "upf-dataplane/pfcp/session_procedures.h"

namespace sluice::upf::pfcp {

void SessionProcedures::tunnel_unknown(Seid seid, const OuterHeader& tunnel) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return;
  N4Session& session = found->second;
  SessionSpec spec = session.spec;
  bool changed = false;
  for (auto& [id, far] : spec.fars) {
    if (!far.forward || far.peer_unknown || far.outer_header != tunnel) continue;
    far.peer_unknown = true;
    changed = true;
  }
  if (!changed) return;  // the SMF has been told, or the tunnel is another's by now
  if (const auto done = installer_.install(spec); !done) {
    spdlog::warn("PFCP tunnel not closed seid={:#x} reason=\"{}\"", seid.value(),
                 done.error().to_string());
    return;
  }
  session.spec = std::move(spec);
  FTeid remote{.teid = tunnel.teid};
  if (tunnel.peer.is_v4()) {
    remote.v4 = tunnel.peer.v4();
  } else {
    remote.v6 = tunnel.peer.v6();
  }
  reports_.send(seid, session.cp_f_seid.seid, reports_to(session),
                {ie(ReportType{ReportType::kErrorIndication}),
                 group(IeType::kErrorIndicationReport, {ie(remote)})});
}

}  // namespace sluice::upf::pfcp
