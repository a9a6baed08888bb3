// How many files and sockets the process may have open.
#pragma once

#include <cstddef>

namespace sluice {

// What the process needs besides connections: store, logs, metrics, the event loops.
inline constexpr size_t kReservedDescriptors = 256;

// Raises the soft limit so that `connections` and the reserve fit, as far as the hard limit allows,
// and never lowers it. Returns how many connections fit, at least one and at most `connections`; a
// warning is logged when that is fewer.
size_t make_room_for(size_t connections);

}  // namespace sluice
