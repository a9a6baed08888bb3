#include "upf-dataplane/pfcp/udp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace sluice::upf::pfcp {
namespace {

// Enough for a burst of thousands of requests; the kernel may give less.
constexpr int kReceiveBuffer = 4 << 20;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Peer& peer) {
  SocketAddress address;
  if (peer.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(peer.port);
    v4.sin_addr.s_addr = htonl(peer.address.v4().value());
    address.length = sizeof v4;
    std::memcpy(&address.storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(peer.port);
    std::memcpy(&v6.sin6_addr, peer.address.v6().bytes().data(), sizeof v6.sin6_addr);
    address.length = sizeof v6;
    std::memcpy(&address.storage, &v6, sizeof v6);
  }
  return address;
}

Peer to_peer(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.storage, sizeof v4);
    return {Ipv4Address(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &address.storage, sizeof v6);
  return {Ipv6Address::from_bytes(v6.sin6_addr.s6_addr), ntohs(v6.sin6_port)};
}

}  // namespace

Result<UniqueFd> bind_udp(const Peer& local) {
  SocketAddress address = to_socket_address(local);
  UniqueFd socket(
      ::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return std::unexpected(errno_error("socket"));
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (::bind(socket.get(), address.raw(), address.length) < 0) {
    return std::unexpected(
        errno_error(fmt::format("bind {} port {}", local.address.to_string(), local.port)));
  }
  return socket;
}

Result<Peer> bound_address(const UniqueFd& socket) {
  SocketAddress address;
  if (getsockname(socket.get(), address.raw(), &address.length) < 0) {
    return std::unexpected(errno_error("getsockname"));
  }
  return to_peer(address);
}

std::optional<Datagram> receive_udp(const UniqueFd& socket, std::span<uint8_t> buffer) {
  for (;;) {
    SocketAddress from;
    const auto size =
        recvfrom(socket.get(), buffer.data(), buffer.size(), 0, from.raw(), &from.length);
    if (size >= 0) return Datagram{to_peer(from), buffer.first(static_cast<size_t>(size))};
    // An ICMP error about an earlier answer is reported here; the next datagram may be behind it.
    if (errno != ECONNREFUSED && errno != EINTR) return std::nullopt;
  }
}

bool send_udp(const UniqueFd& socket, const Peer& to, Bytes bytes) {
  SocketAddress address = to_socket_address(to);
  return sendto(socket.get(), bytes.data(), bytes.size(), 0, address.raw(), address.length) >= 0;
}

}  // namespace sluice::upf::pfcp
