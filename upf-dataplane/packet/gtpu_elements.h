// The information elements of GTP-U signalling (TS 29.281 §8).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/net/ip_address.h"

namespace sluice::upf {

// What an Error Indication says: who sent it knows no tunnel of this name (§7.3.1).
struct UnknownTunnel {
  uint32_t teid = 0;
  IpAddress peer = {};  // that the packet in question was sent to
  bool operator==(const UnknownTunnel&) const = default;
};

// From a whole GTP-U message; nothing when a mandatory element is missing or cut short.
std::optional<UnknownTunnel> read_error_indication(Bytes message);

}  // namespace sluice::upf
