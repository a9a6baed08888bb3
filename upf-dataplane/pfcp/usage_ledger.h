// The URRs of all sessions: asks the user plane for counts, decides which reports are due, and
// keeps the workers' limits up to date.
#pragma once

#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/usage_account.h"

namespace sluice::upf::pfcp {

class UsageLedger {
 public:
  using Time = UsageAccount::Time;

  // Both must outlive this.
  UsageLedger(SessionInstaller& installer, const Clock& clock)
      : installer_(installer), clock_(clock) {}

  // Before the user plane forgets the URRs that `next` lacks: their last reports (termination). Of
  // those in `replaced` it has others of the same id.
  std::vector<UsageReport> close_removed(Seid seid, const SessionSpec& next,
                                         const std::set<UrrId>& replaced = {});
  // The user plane runs the session as specified: begins new URRs, takes over changed ones.
  void follow(const SessionSpec& spec, const std::map<UrrId, Granted>& granted);
  // The session is about to be removed: its last reports.
  std::vector<UsageReport> close(Seid seid);

  // The usage of one URR, or all, at once (immediate report). Unknown ones give nothing.
  std::vector<UsageReport> query(Seid seid, UrrId urr);
  std::vector<UsageReport> query_all(Seid seid);

  // What is due of a session that a worker called for, or because of time.
  std::vector<UsageReport> due(Seid seid);
  std::vector<std::pair<Seid, std::vector<UsageReport>>> advance();
  std::optional<Time> next_deadline() const;

 private:
  struct Book {
    std::map<UrrId, UsageAccount> accounts;
    std::optional<Time> deadline;
  };

  Instant now() const { return {clock_.now(), clock_.wall()}; }
  void add_linked(Seid seid, Book& book, std::vector<UsageReport>& reports);
  void settle(Seid seid, Book& book);
  void schedule(Seid seid, Book& book, std::optional<Time> deadline);

  SessionInstaller& installer_;
  const Clock& clock_;
  std::unordered_map<Seid, Book> books_;
  std::set<std::pair<Time, Seid>> deadlines_;
};

// A report as the element of `type`, one of the three kinds of Usage Report.
Ie usage_report_ie(IeType type, const UsageReport& report,
                   std::optional<uint32_t> query_reference = {});

}  // namespace sluice::upf::pfcp
