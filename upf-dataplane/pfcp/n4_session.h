// A session as N4 knows it: the specification the user plane runs and who asked for it.
#pragma once

#include <set>

#include "upf-dataplane/pfcp/values.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

struct N4Session {
  SessionSpec spec = {};
  NodeId owner = {};          // the association it belongs to
  FSeid cp_f_seid = {};       // how the SMF calls it
  std::set<Teid> teids = {};  // that we allocated for it
  // FARs that were given Forwarding Parameters, also while they drop: a later FORW needs some.
  std::set<FarId> forwarding_known = {};
};

}  // namespace sluice::upf::pfcp
