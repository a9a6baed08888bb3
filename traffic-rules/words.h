// The words of the standard's enumerations, in both directions.
#pragma once

#include <initializer_list>
#include <span>

#include "traffic-rules/model.h"

namespace sluice::traffic_rules {

template <typename Enum>
struct Word {
  const char* word;
  Enum value;
};

// Input words; the first of a value is the one written on output. Older editions of MEC 011 call
// *_ENCAPSULATED *_AS_IS.
std::span<const Word<FilterType>> words(FilterType);
std::span<const Word<Action>> words(Action);
std::span<const Word<InterfaceType>> words(InterfaceType);
std::span<const Word<TunnelType>> words(TunnelType);
std::span<const Word<RuleState>> words(RuleState);
std::span<const Word<IpAddressType>> words(IpAddressType);

}  // namespace sluice::traffic_rules
