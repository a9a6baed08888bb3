// Load and overload of this UPF, as SMFs that want to know are told (TS 29.244 §6.2.3, §6.2.4).
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "upf-dataplane/pfcp/ie.h"
#include "upf-dataplane/pfcp/node_values.h"

namespace sluice::upf::pfcp {

// What one SMF was told last.
struct ToldLoad {
  uint32_t load = 0;  // sequence numbers; 0: nothing yet
  uint32_t overload = 0;
};

class LoadControl {
 public:
  // Load in percent of what the UPF can hold, from which on SMFs are asked to send less. The
  // standard leaves both to the implementation.
  static constexpr unsigned kOverloadedFrom = 90;
  // How long they are to, unless they are told otherwise before.
  static constexpr std::chrono::seconds kValidity{60};

  // The load is so many percent now, at most 100.
  void set(unsigned percent);

  // The elements for a message to an SMF with these features: Load Control Information when it has
  // not been told of this load; Overload Control Information while there is overload, and once to
  // say that it is over.
  std::vector<Ie> tell(const CpFunctionFeatures& features, ToldLoad& told) const;

  unsigned load() const { return load_; }
  // By how many percent SMFs are asked to reduce what they send.
  unsigned reduction() const { return reduction_; }

 private:
  unsigned load_ = 0;
  unsigned reduction_ = 0;
  uint32_t load_sequence_ = 1;
  uint32_t overload_sequence_ = 0;  // 0: there has never been overload
};

}  // namespace sluice::upf::pfcp
