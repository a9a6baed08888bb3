// Where a packet capture is written to.
#pragma once

#include <string_view>

namespace sluice::upf {

class CaptureSink {
 public:
  virtual ~CaptureSink() = default;
  // False when there is no room now; what was to be written is lost.
  virtual bool write(std::string_view bytes) = 0;
  // Nothing follows. May destroy the sink.
  virtual void finish() = 0;
};

}  // namespace sluice::upf
