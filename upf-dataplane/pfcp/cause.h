// TS 29.244 §8.2.1: why a request was accepted or refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "upf-dataplane/pfcp/ie_type.h"

namespace sluice::upf::pfcp {

enum class Cause : uint8_t {
  kRequestAccepted = 1,
  kMoreUsageReportToSend = 2,
  kRequestPartiallyAccepted = 3,
  kRequestRejected = 64,
  kSessionContextNotFound = 65,
  kMandatoryIeMissing = 66,
  kConditionalIeMissing = 67,
  kInvalidLength = 68,
  kMandatoryIeIncorrect = 69,
  kInvalidForwardingPolicy = 70,
  kInvalidFTeidAllocationOption = 71,
  kNoEstablishedAssociation = 72,
  kRuleCreationOrModificationFailure = 73,
  kEntityInCongestion = 74,
  kNoResourcesAvailable = 75,
  kServiceNotSupported = 76,
  kSystemFailure = 77,
  kRedirectionRequested = 78,
  kAllDynamicAddressesOccupied = 79,
  kUnknownPredefinedRule = 80,
  kUnknownApplicationId = 81,
  kL2tpTunnelEstablishmentFailure = 82,
  kL2tpSessionEstablishmentFailure = 83,
  kL2tpTunnelRelease = 84,
  kL2tpSessionRelease = 85,
  kSessionRestorationFailure = 86,
};

// The standard's words, "Service not supported"; "Cause" for a value that Release 17 lacks.
std::string_view cause_name(Cause cause);

// Values below 64 are acceptance (table 8.2.1-1).
constexpr bool is_accepted(Cause cause) { return static_cast<uint8_t>(cause) < 64; }

// TS 29.244 §8.2.123.
enum class RuleType : uint8_t { kPdr = 0, kFar = 1, kQer = 2, kUrr = 3, kBar = 4, kMar = 5 };

// The rule that could not be stored or applied; ids are as wide as the rule's type has them.
struct FailedRuleId {
  RuleType type = RuleType::kPdr;
  uint32_t id = 0;
  bool operator==(const FailedRuleId&) const = default;
};

// What a refused request is told, and the reason in words for our log.
struct Rejection {
  Cause cause = Cause::kRequestRejected;
  std::optional<IeType> offending_ie = {};
  std::optional<FailedRuleId> failed_rule = {};
  std::string reason = {};
};

}  // namespace sluice::upf::pfcp
