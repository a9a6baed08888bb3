#include "mep/dns/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace sluice::mep::dns {

Result<Endpoint> Endpoint::parse(std::string_view text) {
  Endpoint out;
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "'{}' has no closing bracket", text);
    }
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  const auto address = IpAddress::parse(host);
  if (!address) return std::unexpected(address.error());
  out.address = *address;
  if (port.empty()) return out;
  const char* begin = port.data() + 1;
  const char* end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(begin, end, out.port);
  if (port[0] != ':' || error != std::errc{} || rest != end || out.port == 0) {
    return fail(ErrorCode::kInvalidArgument, "'{}' does not end in a port of 1 to 65535", text);
  }
  return out;
}

std::string Endpoint::to_string() const {
  return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                         : fmt::format("[{}]:{}", address.to_string(), port);
}

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.address.v4().value());
    length = sizeof v4;
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.v6().bytes().data(), sizeof v6.sin6_addr);
    length = sizeof v6;
    std::memcpy(&storage, &v6, sizeof v6);
  }
}

Endpoint SocketAddress::endpoint() const {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    return {Ipv4Address(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &storage, sizeof v6);
  return {Ipv6Address::from_bytes(v6.sin6_addr.s6_addr), ntohs(v6.sin6_port)};
}

namespace {

Result<UniqueFd> new_socket(const Endpoint& endpoint, int kind) {
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  UniqueFd socket(::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return std::unexpected(errno_error("socket"));
  const int on = 1;
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (kind == SOCK_STREAM) setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace

Result<UniqueFd> bound_socket(const Endpoint& local, int kind) {
  auto socket = new_socket(local, kind);
  if (!socket) return socket;
  const int on = 1;
  // For a restart while old connections linger; with UDP it would let two servers share a port.
  if (kind == SOCK_STREAM) setsockopt(socket->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  SocketAddress address(local);
  if (::bind(socket->get(), address.raw(), address.length) < 0) {
    return std::unexpected(errno_error("bind " + local.to_string()));
  }
  return socket;
}

Result<UniqueFd> connected_socket(const Endpoint& peer, int kind) {
  auto socket = new_socket(peer, kind);
  if (!socket) return socket;
  SocketAddress address(peer);
  if (::connect(socket->get(), address.raw(), address.length) < 0 && errno != EINPROGRESS) {
    return std::unexpected(errno_error("connect " + peer.to_string()));
  }
  return socket;
}

Result<Endpoint> local_endpoint(const UniqueFd& socket) {
  SocketAddress address;
  if (getsockname(socket.get(), address.raw(), &address.length) < 0) {
    return std::unexpected(errno_error("getsockname"));
  }
  return address.endpoint();
}

}  // namespace sluice::mep::dns
