#include "traffic-rules/words.h"

namespace sluice::traffic_rules {
namespace {

constexpr Word<FilterType> kFilterTypes[] = {{"FLOW", FilterType::kFlow},
                                             {"PACKET", FilterType::kPacket}};
constexpr Word<Action> kActions[] = {
    {"DROP", Action::kDrop},
    {"FORWARD_DECAPSULATED", Action::kForwardDecapsulated},
    {"FORWARD_ENCAPSULATED", Action::kForwardEncapsulated},
    {"PASSTHROUGH", Action::kPassthrough},
    {"DUPLICATE_DECAPSULATED", Action::kDuplicateDecapsulated},
    {"DUPLICATE_ENCAPSULATED", Action::kDuplicateEncapsulated},
    {"FORWARD_AS_IS", Action::kForwardEncapsulated},
    {"DUPLICATE_AS_IS", Action::kDuplicateEncapsulated},
};
constexpr Word<InterfaceType> kInterfaceTypes[] = {
    {"TUNNEL", InterfaceType::kTunnel}, {"MAC", InterfaceType::kMac}, {"IP", InterfaceType::kIp}};
constexpr Word<TunnelType> kTunnelTypes[] = {{"GTP_U", TunnelType::kGtpU},
                                             {"GRE", TunnelType::kGre},
                                             {"GTP-U", TunnelType::kGtpU}};  // so MEC 010-2
constexpr Word<RuleState> kStates[] = {{"ACTIVE", RuleState::kActive},
                                       {"INACTIVE", RuleState::kInactive}};
constexpr Word<IpAddressType> kIpAddressTypes[] = {{"IP_V4", IpAddressType::kIpV4},
                                                   {"IP_V6", IpAddressType::kIpV6}};

template <typename Enum>
const char* word_of(Enum value) {
  for (const auto& entry : words(value)) {
    if (entry.value == value) return entry.word;
  }
  return "";  // not a value of the enumeration
}

}  // namespace

std::span<const Word<FilterType>> words(FilterType) { return kFilterTypes; }
std::span<const Word<Action>> words(Action) { return kActions; }
std::span<const Word<InterfaceType>> words(InterfaceType) { return kInterfaceTypes; }
std::span<const Word<TunnelType>> words(TunnelType) { return kTunnelTypes; }
std::span<const Word<RuleState>> words(RuleState) { return kStates; }
std::span<const Word<IpAddressType>> words(IpAddressType) { return kIpAddressTypes; }

const char* to_string(FilterType v) { return word_of(v); }
const char* to_string(Action v) { return word_of(v); }
const char* to_string(InterfaceType v) { return word_of(v); }
const char* to_string(TunnelType v) { return word_of(v); }
const char* to_string(RuleState v) { return word_of(v); }
const char* to_string(IpAddressType v) { return word_of(v); }

}  // namespace sluice::traffic_rules
