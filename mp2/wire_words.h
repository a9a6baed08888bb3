// The words of Mp2's own enumerations.
#pragma once

#include "mp2/messages.h"
#include "traffic-rules/words.h"

namespace sluice::mp2 {

inline constexpr traffic_rules::Word<SteeringState> kSteeringStates[] = {
    {"STEERING", SteeringState::kSteering},
    {"SUSPENDED", SteeringState::kSuspended},
    {"REJECTED", SteeringState::kRejected},
    {"HIDDEN", SteeringState::kHidden}};

inline constexpr traffic_rules::Word<RefusalCode> kRefusalCodes[] = {
    {"RESYNC", RefusalCode::kResync},
    {"INVALID", RefusalCode::kInvalid},
    {"LIMIT", RefusalCode::kLimit}};

inline constexpr traffic_rules::Word<RuleKind> kRuleKinds[] = {
    {"traffic", RuleKind::kTraffic}, {"dns", RuleKind::kDns}, {"guarantee", RuleKind::kGuarantee}};

template <typename Enum, size_t N>
const char* word_of(const traffic_rules::Word<Enum> (&words)[N], Enum value) {
  for (const auto& entry : words) {
    if (entry.value == value) return entry.word;
  }
  return "";  // not a value of the enumeration
}

}  // namespace sluice::mp2
