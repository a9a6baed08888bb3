// The sequence numbers of our own requests: one series for all of them, so that none is used twice
// at a time (TS 29.244 §7.2.2.3).
#pragma once

#include <cstdint>

#include "upf-dataplane/pfcp/message.h"

namespace sluice::upf::pfcp {

class SequenceNumbers {
 public:
  uint32_t next() { return last_ = (last_ + 1) & kSequenceMask; }

 private:
  uint32_t last_ = 0;
};

}  // namespace sluice::upf::pfcp
