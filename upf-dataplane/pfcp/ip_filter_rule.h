// Flow descriptions: the IPFilterRule of RFC 6733 §4.3.1 as TS 29.212 §5.4.2 restricts it.
//
//   permit out <ip|number> from <far end> [ports] to <UE> [ports]
//   far end: any | address[/bits]        UE: any | assigned | address[/bits]
//   ports:   number | low-high, separated by commas; only with protocol 6, 17 or 132
//
// 3GPP forbids `deny`, the direction `in`, `!` and options; RFC 6733 forbids address bits beyond
// the mask. All are refused: a filter that is not understood must never match more than was asked.
#pragma once

#include <string_view>

#include "base/error.h"
#include "upf-dataplane/session/model.h"

namespace sluice::upf::pfcp {

inline constexpr size_t kMaxFlowDescription = 1024;  // bytes
inline constexpr size_t kMaxPortRanges = 32;         // a side

// The filter, or kInvalidArgument with the position (1 is the first character) and the reason:
// "at 12: the protocol is a number up to 255 or \"ip\", not \"tcp\"".
Result<SdfFilter> parse_ip_filter_rule(std::string_view text);

}  // namespace sluice::upf::pfcp
