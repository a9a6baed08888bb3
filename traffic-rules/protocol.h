// Transport protocols by number and by name.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace sluice::traffic_rules {

// "6" or "TCP", in any case; the names known are those of protocol.cc.
Result<uint8_t> parse_protocol(std::string_view text);

// Whether a header of the protocol begins with a source and a destination port.
bool has_ports(uint8_t protocol);

}  // namespace sluice::traffic_rules
