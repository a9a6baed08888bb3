// FQ-CSID (TS 29.244 §8.2.43): by which a CP function names sets of sessions that it loses
// together.
#pragma once

#include <vector>

#include "upf-dataplane/pfcp/n4_session.h"
#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

// One element names some sets of one node. None: the session is of no set of such a node (any
// more).
struct FqCsid {
  std::string node = {};             // as in SessionSet
  std::optional<uint8_t> type = {};  // 0 MME, 1 SGW-C, 2 PGW-C or SMF, 3 ePDG, 4 TWAN, 5 UPF
  std::vector<uint16_t> ids = {};    // at most 15
  bool operator==(const FqCsid&) const = default;
};

PFCP_CODEC(FqCsid, kFqCsid)

}  // namespace sluice::upf::pfcp
