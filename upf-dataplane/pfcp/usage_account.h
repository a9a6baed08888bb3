// One URR at work: from what workers counted to when a report is due and what it says (TS 29.244
// §5.2.2). Only counts and time in, reports and limits out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/session/session_installer.h"

namespace sluice::upf::pfcp {

struct Instant {
  std::chrono::steady_clock::time_point steady;
  std::chrono::system_clock::time_point wall;
};

// What a report tells, without its message.
struct UsageReport {
  UrrId urr;
  uint32_t sequence = 0;  // UR-SEQN
  uint32_t triggers = 0;  // UsageReportTrigger
  std::chrono::sys_seconds start;
  std::chrono::sys_seconds end;
  std::optional<UsageTotals> volume = {};                    // of a URR that measures it
  bool has_packets = false;                                  // in `volume`
  std::optional<std::chrono::seconds> duration = {};         // of a URR that measures it
  std::optional<std::chrono::sys_seconds> last_packet = {};  // since the report before
  uint8_t side = 0;  // of a monitoring time: UsageInformation
};

// A threshold applies to what was used since the last report, a quota to what was used since the
// last report before it was granted.
class UsageAccount {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  // Without STOPT's own timer, and for events: traffic has stopped after so long without packets.
  static constexpr std::chrono::seconds kQuiet{10};

  UsageAccount(const Urr& urr, const UsageCount& count, const Instant& now);

  // The rule as an Update URR left it, and what that granted.
  void change(const Urr& urr, const Granted& granted, const UsageCount& count, const Instant& now);

  // Why a report is due now (UsageReportTrigger), or 0. Call report() then; call limits()
  // afterwards in any case.
  uint32_t due(const UsageCount& count, const Instant& now);

  // The usage since the report before: in parts, the earlier first, when monitoring times were
  // passed since.
  std::vector<UsageReport> report(uint32_t triggers, const UsageCount& count, const Instant& now);

  // What workers are to watch for from now on.
  UsageLimits limits(const UsageCount& count) const;

  // When due() may find something although no packet came; nullopt: never.
  std::optional<Time> deadline(const UsageCount& count, const Instant& now) const;

  // Whether its number of reports allows another one that nobody asked for.
  bool may_report() const { return !has_reported_all_; }

  // The rule as it was given; a monitoring time may have put other limits into force.
  const Urr& urr() const { return given_; }

 private:
  struct Used {
    UsageTotals totals;
    Duration time{0};
    uint64_t events = 0;
  };

  void pass_monitoring_time(const UsageCount& count, const Instant& now);
  const Monitoring* monitoring(size_t i) const;
  void use_subsequent(const Urr& since, size_t count);
  uint32_t due_dropped(const UsageCount& count);
  void grant(Time now);
  UsageReport close(const UsageCount& count, const Instant& now);
  Used towards_thresholds(const UsageCount& count, Time now) const;
  bool has(uint32_t trigger) const { return (urr_.triggers & trigger) != 0; }
  bool has_quota() const;
  bool watches_traffic() const;
  void follow_time(const UsageCount& count, Time now);
  uint32_t follow_traffic(const UsageCount& count, Time now);
  Duration time_used(Time now) const;
  Used since_report(const UsageCount& count, Time now) const;
  Used since_grant(const UsageCount& count, Time now) const;
  uint32_t due_thresholds(const Used& used) const;
  uint32_t due_quotas(const UsageCount& count, Time now);

  Urr given_;
  Urr urr_;  // in force
  // Of monitoring times: how many have passed; what was used before them and is not reported yet,
  // and what of that counts for thresholds still.
  size_t passed_ = 0;
  std::vector<UsageReport> before_;
  Used carried_;
  std::optional<uint16_t> reports_left_;
  // It sends no reports of its own until it is granted more; it goes on to measure, and its quotas
  // to hold.
  bool has_reported_all_ = false;
  uint64_t dropped_packets_ = 0;  // at the last report of them
  uint64_t dropped_bytes_ = 0;
  UsageTotals reported_;  // the counts at the last report
  std::chrono::system_clock::time_point start_;
  uint32_t next_sequence_ = 0;
  std::optional<Time> next_period_;

  // Time is measured while traffic flows: since the first packet, and with an inactivity time until
  // so long after the last one.
  Duration time_done_{0};
  std::optional<Time> time_since_;
  std::optional<Time> last_packet_;  // seen
  uint64_t packets_seen_ = 0;

  bool flowing_ = false;  // traffic has started and not stopped
  uint64_t events_ = 0;   // starts since the last report

  // The quota in force: what earlier reports have taken of it.
  Used consumed_;
  Time granted_at_;
  Time held_since_;     // without packets: since it was granted, or measuring goes on (INAM)
  uint32_t spent_ = 0;  // UsageReportTrigger of the quotas that were reported as used up
  // Of those asked for, what could not be reported, as there were no reports left.
  uint32_t untold_ = 0;
  bool lapsed_ = false;  // by holding or validity time
};

}  // namespace sluice::upf::pfcp
