#include "upf-dataplane/pfcp/downlink_reports.h"

namespace sluice::upf::pfcp {

void DownlinkReports::buffered(Seid seid, PdrId pdr, Time due) {
  if (reports_[seid].try_emplace(pdr, due).second) deadlines_.emplace(due, seid);
}

void DownlinkReports::rearm(Seid seid, PdrId pdr) {
  const auto found = reports_.find(seid);
  if (found == reports_.end()) return;
  found->second.erase(pdr);
  if (found->second.empty()) reports_.erase(found);
}

void DownlinkReports::drop_at(Seid seid, Time time) {
  drops_[seid] = time;
  deadlines_.emplace(time, seid);
}

void DownlinkReports::forget(Seid seid) {
  reports_.erase(seid);
  drops_.erase(seid);
}

DownlinkReports::Due DownlinkReports::advance(Time now) {
  Due due;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Seid seid = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    if (const auto found = reports_.find(seid); found != reports_.end()) {
      for (auto& [pdr, time] : found->second) {
        if (!time || *time > now) continue;
        time.reset();
        due.reports[seid].push_back(pdr);
      }
    }
    if (const auto drop = drops_.find(seid); drop != drops_.end() && drop->second <= now) {
      drops_.erase(drop);
      due.drops.push_back(seid);
    }
  }
  return due;
}

std::optional<DownlinkReports::Time> DownlinkReports::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace sluice::upf::pfcp
