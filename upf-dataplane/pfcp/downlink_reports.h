// When the SMF is to be told that packets wait for a UE (Downlink Data Report, TS 29.244 §5.3.1,
// §7.5.8.2), and when what waits is to be dropped. Only events and time in, what is due out.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

class DownlinkReports {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A packet of the PDR was buffered, and is to be reported at `due`; nothing while the PDR has a
  // report waiting, or had one that was not rearmed.
  void buffered(Seid seid, PdrId pdr, Time due);
  // The SMF has decided anew about the PDR: a report that waits is withdrawn, the next packet is
  // reported.
  void rearm(Seid seid, PdrId pdr);
  // What the session has buffered is to be dropped then; afterwards its next packet is reported
  // (§8.2.29: until then the SMF is told nothing more).
  void drop_at(Seid seid, Time time);
  // The period that drop_at() ends is over already: the SMF has decided anew.
  void keep(Seid seid);
  // Nothing of the session is to be reported or dropped any more.
  void forget(Seid seid);

  struct Due {
    std::map<Seid, std::vector<PdrId>> reports;
    std::vector<Seid> drops;
  };
  Due advance(Time now);
  std::optional<Time> next_deadline() const;

 private:
  struct Waiting {
    // By PDR: when its report is due; nullopt once it was given out.
    std::map<PdrId, std::optional<Time>> reports = {};
    std::optional<Time> drop = {};
    std::optional<Time> deadline = {};  // the session's entry in `deadlines_`
  };
  using Sessions = std::map<Seid, Waiting>;

  // Makes the session's deadline the earliest of what waits, and forgets it when nothing does.
  void settle(Sessions::iterator session);

  Sessions sessions_;
  std::set<std::pair<Time, Seid>> deadlines_;  // one for each session that waits for a time
};

}  // namespace sluice::upf::pfcp
