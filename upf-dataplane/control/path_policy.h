// How GTP-U peers are asked whether they are still there.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::upf {

struct PathPolicy {
  // Between echo requests to a peer that answers; the standard wants at least 60 s. 0: none is
  // sent.
  std::chrono::seconds interval{60};
  std::chrono::milliseconds t3{3000};  // for an answer
  uint32_t n3 = 5;                     // requests without an answer until the path has failed
};

}  // namespace sluice::upf
