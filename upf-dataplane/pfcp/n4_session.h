// A session as N4 knows it: the specification the user plane runs and who asked for it.
#pragma once

#include <map>
#include <set>

#include "upf-dataplane/pfcp/values.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

// What we chose of a PDR or traffic endpoint, so that a response has to tell it.
struct Chosen {
  bool f_teid = false;
  bool ue = false;
  bool any() const { return f_teid || ue; }
};

// What an Update URR grants anew, be it as much as the last time.
struct Granted {
  bool quota = false;
  bool reports = false;  // Number of Reports
  bool any() const { return quota || reports; }
};

// TS 29.244 §7.5.2.7: where the packets of all PDRs that name it come from.
struct TrafficEndpoint {
  std::optional<LocalFTeid> f_teid = {};
  std::string network_instance = {};
  std::optional<UeAddress> ue = {};
  std::vector<IpPrefix> framed_routes = {};
  bool operator==(const TrafficEndpoint&) const = default;
};

// A set of sessions that a CP function loses together (§8.2.43).
struct SessionSet {
  std::string node = {};             // kind and address, as they came
  std::optional<uint8_t> type = {};  // of the node; old ones do not tell it
  uint16_t id = 0;
  bool operator==(const SessionSet&) const = default;
};

struct N4Session {
  SessionSpec spec = {};
  NodeId owner = {};          // the association it belongs to
  FSeid cp_f_seid = {};       // how the SMF calls it
  std::set<Teid> teids = {};  // that we allocated for it
  UeAddress allocated = {};   // of our pools
  std::map<uint8_t, TrafficEndpoint> endpoints = {};
  std::vector<SessionSet> sets = {};  // that it belongs to
  static constexpr size_t kMostSets = 32;
  // FARs that were given Forwarding Parameters, also while they drop: a later FORW needs some.
  std::set<FarId> forwarding_known = {};
};

}  // namespace sluice::upf::pfcp
