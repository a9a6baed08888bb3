// The values of PFD management: which packets are an application's.
#pragma once

#include <string>
#include <vector>

#include "upf-dataplane/pfcp/values.h"

namespace sluice::upf::pfcp {

struct ApplicationId {  // §8.2.6
  std::string name = {};
};
// §8.2.39: one packet flow description. All its parts have to match; flows are alternatives.
struct PfdContents {
  std::vector<std::string> flows = {};  // Flow Description and the additional ones
  // A URL, domain name or custom content: what is told from inside of flows, mostly encrypted ones.
  bool wants_inspection = false;
};

PFCP_CODEC(ApplicationId, kApplicationId)
PFCP_CODEC(PfdContents, kPfdContents)

}  // namespace sluice::upf::pfcp
