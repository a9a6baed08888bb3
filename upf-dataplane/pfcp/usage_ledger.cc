#include "upf-dataplane/pfcp/usage_ledger.h"

#include <algorithm>
#include <iterator>

#include "upf-dataplane/pfcp/ie_access.h"
#include "upf-dataplane/pfcp/monitoring_values.h"

namespace sluice::upf::pfcp {

using R = UsageReportTrigger;

namespace {

void add(std::vector<UsageReport>& reports, std::vector<UsageReport> more) {
  std::ranges::move(more, std::back_inserter(reports));
}

}  // namespace

std::vector<UsageReport> UsageLedger::close_removed(Seid seid, const SessionSpec& next,
                                                    const std::set<UrrId>& replaced) {
  std::vector<UsageReport> reports;
  const auto found = books_.find(seid);
  if (found == books_.end()) return reports;
  auto& accounts = found->second.accounts;
  for (auto it = accounts.begin(); it != accounts.end();) {
    if (next.urrs.contains(it->first) && !replaced.contains(it->first)) {
      ++it;
      continue;
    }
    add(reports, it->second.report(R::kTermination, installer_.usage(seid, it->first), now()));
    it = accounts.erase(it);
  }
  return reports;
}

void UsageLedger::follow(const SessionSpec& spec, const std::map<UrrId, Granted>& granted) {
  if (spec.urrs.empty() && !books_.contains(spec.seid)) return;
  Book& book = books_[spec.seid];
  for (const auto& [id, urr] : spec.urrs) {
    const UsageCount count = installer_.usage(spec.seid, id);
    const auto found = book.accounts.find(id);
    if (found == book.accounts.end()) {
      book.accounts.emplace(id, UsageAccount(urr, count, now()));
    } else if (granted.contains(id) || found->second.urr() != urr) {
      const auto grant = granted.find(id);
      found->second.change(urr, grant != granted.end() ? grant->second : Granted{}, count, now());
    }
  }
  settle(spec.seid, book);
}

std::vector<UsageReport> UsageLedger::close(Seid seid) {
  std::vector<UsageReport> reports = close_removed(seid, SessionSpec{});
  if (const auto found = books_.find(seid); found != books_.end()) {
    schedule(seid, found->second, std::nullopt);
    books_.erase(found);
  }
  return reports;
}

std::vector<UsageReport> UsageLedger::query(Seid seid, UrrId urr) {
  std::vector<UsageReport> reports;
  const auto book = books_.find(seid);
  if (book == books_.end()) return reports;
  const auto account = book->second.accounts.find(urr);
  if (account == book->second.accounts.end()) return reports;
  add(reports, account->second.report(R::kImmediate, installer_.usage(seid, urr), now()));
  settle(seid, book->second);
  return reports;
}

std::vector<UsageReport> UsageLedger::query_all(Seid seid) {
  std::vector<UsageReport> reports;
  const auto book = books_.find(seid);
  if (book == books_.end()) return reports;
  for (auto& [urr, account] : book->second.accounts) {
    add(reports, account.report(R::kImmediate, installer_.usage(seid, urr), now()));
  }
  settle(seid, book->second);
  return reports;
}

std::vector<UsageReport> UsageLedger::due(Seid seid) {
  std::vector<UsageReport> reports;
  const auto book = books_.find(seid);
  if (book == books_.end()) return reports;
  for (auto& [urr, account] : book->second.accounts) {
    const UsageCount count = installer_.usage(seid, urr);
    if (const uint32_t triggers = account.due(count, now())) {
      add(reports, account.report(triggers, count, now()));
    }
  }
  add_linked(seid, book->second, reports);
  settle(seid, book->second);
  return reports;
}

// §5.2.2.4: whoever is linked to a URR that reports, reports too; once, however many it is linked
// to.
void UsageLedger::add_linked(Seid seid, Book& book, std::vector<UsageReport>& reports) {
  const size_t first = reports.size();
  const auto reporting = [&](UrrId id) {
    return std::ranges::find(reports.begin(), reports.begin() + static_cast<std::ptrdiff_t>(first),
                             id, &UsageReport::urr) !=
           reports.begin() + static_cast<std::ptrdiff_t>(first);
  };
  for (auto& [id, account] : book.accounts) {
    const Urr& urr = account.urr();
    if ((urr.triggers & ReportingTriggers::kLinkedUsage) == 0 || reporting(id) ||
        !account.may_report() || std::ranges::none_of(urr.linked, reporting)) {
      continue;
    }
    add(reports, account.report(R::kLinkedUsage, installer_.usage(seid, id), now()));
  }
}

void UsageLedger::settle(Seid seid, Book& book) {
  std::optional<Time> next;
  for (auto& [id, account] : book.accounts) {
    const UsageCount count = installer_.usage(seid, id);
    installer_.set_usage_limits(seid, id, account.limits(count));
    const auto deadline = account.deadline(count, now());
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  schedule(seid, book, next);
}

void UsageLedger::schedule(Seid seid, Book& book, std::optional<Time> deadline) {
  if (book.deadline) deadlines_.erase({*book.deadline, seid});
  book.deadline = deadline;
  if (deadline) deadlines_.emplace(*deadline, seid);
}

std::vector<std::pair<Seid, std::vector<UsageReport>>> UsageLedger::advance() {
  std::vector<Seid> ripe;
  for (const auto& [time, seid] : deadlines_) {
    if (time > clock_.now()) break;
    ripe.push_back(seid);
  }
  std::vector<std::pair<Seid, std::vector<UsageReport>>> reports;
  for (const Seid seid : ripe) {
    if (auto of_session = due(seid); !of_session.empty()) {
      reports.emplace_back(seid, std::move(of_session));
    }
  }
  return reports;
}

std::optional<UsageLedger::Time> UsageLedger::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

Ie usage_report_ie(IeType type, const UsageReport& report,
                   std::optional<uint32_t> query_reference) {
  std::vector<Ie> ies{ie(report.urr), ie(UrSeqn{report.sequence}),
                      ie(UsageReportTrigger{report.triggers}), ie(StartTime{report.start}),
                      ie(EndTime{report.end})};
  if (report.volume) {
    ies.push_back(ie(VolumeMeasurement{*report.volume, report.has_packets}));
  }
  if (report.duration) {
    ies.push_back(ie(DurationMeasurement{static_cast<uint32_t>(report.duration->count())}));
  }
  if (report.last_packet) ies.push_back(ie(TimeOfLastPacket{*report.last_packet}));
  if (report.side != 0) ies.push_back(ie(UsageInformation{report.side}));
  if (query_reference) ies.push_back(ie(QueryUrrReference{*query_reference}));
  return group(type, std::move(ies));
}

}  // namespace sluice::upf::pfcp
