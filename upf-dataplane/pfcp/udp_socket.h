// The few socket calls that N4 needs, with our own address types.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "upf-dataplane/pfcp/peer.h"

namespace sluice::upf::pfcp {

// A non-blocking UDP socket bound to the address; port 0 takes a free one.
Result<UniqueFd> bind_udp(const Peer& local);
Result<Peer> bound_address(const UniqueFd& socket);

struct Datagram {
  Peer from;
  Bytes bytes;  // within the buffer
};
// The next datagram, cut off at the buffer's end; nullopt when none is waiting.
std::optional<Datagram> receive_udp(const UniqueFd& socket, std::span<uint8_t> buffer);

// False when the kernel did not take it.
bool send_udp(const UniqueFd& socket, const Peer& to, Bytes bytes);

}  // namespace sluice::upf::pfcp
