// An address with a port, and the few socket calls of the DNS server.
#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/net/ip_address.h"
#include "base/unique_fd.h"

namespace sluice::mep::dns {

struct Endpoint {
  IpAddress address;
  uint16_t port = 53;

  // "192.0.2.1", "2001:db8::1", "192.0.2.1:5353", "[2001:db8::1]:5353"; without a port it is 53.
  static Result<Endpoint> parse(std::string_view text);
  std::string to_string() const;  // always with its port
  auto operator<=>(const Endpoint&) const = default;
};

// An Endpoint as the kernel takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  Endpoint endpoint() const;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Non-blocking sockets; `kind` is SOCK_DGRAM or SOCK_STREAM. Port 0 takes a free one.
Result<UniqueFd> bound_socket(const Endpoint& local, int kind);
// Connected to `peer`, or on the way to it (SOCK_STREAM), from a random port.
Result<UniqueFd> connected_socket(const Endpoint& peer, int kind);
Result<Endpoint> local_endpoint(const UniqueFd& socket);

}  // namespace sluice::mep::dns
