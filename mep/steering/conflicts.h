// Which of the rules in effect hide which, for showing.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "mep/store/state.h"

namespace sluice::mep {

// Keys of the rules that hide a rule, by the key of the hidden one.
using HiddenRules = std::unordered_map<std::string, std::vector<std::string>>;

// Analyses a state when first asked about it and keeps the answer until asked about a later one.
class ConflictView {
 public:
  // From any thread; one analysis at a time.
  std::shared_ptr<const HiddenRules> hidden(const State& state);

 private:
  std::mutex mutex_;
  std::string source_;
  uint64_t generation_ = 0;
  std::shared_ptr<const HiddenRules> hidden_;
};

}  // namespace sluice::mep
