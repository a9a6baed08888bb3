#include "lab/gtpu_socket.h"

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr int kBufferBytes = 8 << 20;

}  // namespace

Endpoint::Endpoint(const IpAddress& address, uint16_t port) {
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(address.v4().value());
    std::memcpy(&storage_, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.v6().bytes().data(), 16);
    std::memcpy(&storage_, &v6, sizeof v6);
  }
}

IpAddress Endpoint::address() const {
  if (storage_.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage_, sizeof v4);
    return Ipv4Address(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage_, sizeof v6);
  return Ipv6Address::from_bytes(v6.sin6_addr.s6_addr);
}

socklen_t Endpoint::size() const {
  return storage_.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

Result<GtpuSocket> GtpuSocket::bind(const IpAddress& own) {
  const Endpoint endpoint(own, kGtpuPort);
  UniqueFd fd(socket(endpoint.raw().ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(errno_error("GTP-U socket"));
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    // Without the privilege the default size has to do.
    setsockopt(fd.get(), SOL_SOCKET, option, &kBufferBytes, sizeof kBufferBytes);
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.raw());
  if (::bind(fd.get(), address, endpoint.size()) != 0) {
    return std::unexpected(errno_error(fmt::format("bind {} port {}", own.to_string(), kGtpuPort)));
  }
  return GtpuSocket(std::move(fd), own);
}

std::span<const Received> GtpuSocket::receive() {
  std::array<mmsghdr, PacketBatch::kSlots> messages{};
  std::array<iovec, PacketBatch::kSlots> vectors;
  for (size_t i = 0; i < messages.size(); ++i) {
    const auto room = batch_.whole(i);
    vectors[i] = {.iov_base = room.data(), .iov_len = room.size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &received_[i].from.raw();
    messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  }
  const int count = recvmmsg(fd_.get(), messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
  const auto usable = static_cast<size_t>(std::max(count, 0));
  for (size_t i = 0; i < usable; ++i) {
    received_[i].datagram = batch_.whole(i).first(messages[i].msg_len);
  }
  return std::span(received_).first(usable);
}

size_t GtpuSocket::send(std::span<const Bytes> datagrams, const Endpoint& to) {
  return send_batch(fd_.get(), datagrams, &to.raw(), to.size());
}

}  // namespace sluice::lab
