// How much may be buffered for users who are away.
#pragma once

#include <cstddef>

namespace sluice::upf {

// What is full drops its oldest packet for the newest.
struct BufferLimits {
  size_t packets = 16'384;
  size_t bytes = 32 << 20;
  size_t packets_per_session = 128;
  size_t bytes_per_session = 256 << 10;
};

}  // namespace sluice::upf
