// FQ-CSID (TS 29.244 §8.2.45): by which a CP function names sets of sessions that it loses
// together.
#pragma once

#include <vector>

#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// One element names some sets of one node.
struct FqCsid {
  std::vector<SessionSet> sets;
  bool operator==(const FqCsid&) const = default;
};

PFCP_CODEC(FqCsid, kFqCsid)

}  // namespace sluice::upf::pfcp
