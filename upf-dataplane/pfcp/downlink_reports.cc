#include "upf-dataplane/pfcp/downlink_reports.h"

namespace sluice::upf::pfcp {

void DownlinkReports::buffered(Seid seid, PdrId pdr, Time due) {
  const auto session = sessions_.try_emplace(seid).first;
  if (session->second.reports.try_emplace(pdr, due).second) settle(session);
}

void DownlinkReports::rearm(Seid seid, PdrId pdr) {
  const auto found = sessions_.find(seid);
  if (found != sessions_.end() && found->second.reports.erase(pdr) > 0) settle(found);
}

void DownlinkReports::drop_at(Seid seid, Time time) {
  const auto session = sessions_.try_emplace(seid).first;
  session->second.drop = time;
  settle(session);
}

void DownlinkReports::keep(Seid seid) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end() || !found->second.drop) return;
  found->second.drop.reset();
  settle(found);
}

void DownlinkReports::forget(Seid seid) {
  const auto found = sessions_.find(seid);
  if (found == sessions_.end()) return;
  found->second = {.deadline = found->second.deadline};
  settle(found);
}

void DownlinkReports::settle(Sessions::iterator session) {
  auto& [seid, waiting] = *session;
  std::optional<Time> next = waiting.drop;
  for (const auto& [pdr, due] : waiting.reports) {
    if (due && (!next || *due < *next)) next = due;
  }
  if (waiting.deadline != next) {
    if (waiting.deadline) deadlines_.erase({*waiting.deadline, seid});
    if (next) deadlines_.emplace(*next, seid);
    waiting.deadline = next;
  }
  if (!waiting.drop && waiting.reports.empty()) sessions_.erase(session);
}

DownlinkReports::Due DownlinkReports::advance(Time now) {
  Due due;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto session = sessions_.find(deadlines_.begin()->second);
    auto& [seid, waiting] = *session;
    for (auto& [pdr, time] : waiting.reports) {
      if (!time || *time > now) continue;
      time.reset();
      due.reports[seid].push_back(pdr);
    }
    if (waiting.drop && *waiting.drop <= now) {
      due.drops.push_back(seid);
      waiting.drop.reset();
      waiting.reports.clear();
    }
    settle(session);
  }
  return due;
}

std::optional<DownlinkReports::Time> DownlinkReports::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace sluice::upf::pfcp
