#include "lab/packet_port.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace sluice::lab {
namespace {

constexpr int kBufferBytes = 32 << 20;

}  // namespace

Result<PacketPort> PacketPort::open(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return std::unexpected(errno_error("interface " + interface));
  // Protocol 0: nothing is queued before the socket is bound to its interface.
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(errno_error("packet socket"));

  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    setsockopt(fd.get(), SOL_SOCKET, option, &kBufferBytes, sizeof kBufferBytes);
  }
  const int on = 1;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) {
    return std::unexpected(errno_error(interface + ": ignore outgoing frames"));
  }
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = static_cast<int>(index);
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) !=
      0) {
    return std::unexpected(errno_error(interface + ": promiscuous mode"));
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(errno_error("bind to " + interface));
  }
  return PacketPort(std::move(fd), interface);
}

size_t PacketPort::receive(std::span<std::span<uint8_t>> buffers) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  const size_t count = std::min(buffers.size(), messages.size());
  for (size_t i = 0; i < count; ++i) {
    vectors[i] = {.iov_base = buffers[i].data(), .iov_len = buffers[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int n =
      recvmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT, nullptr);
  size_t kept = 0;
  for (size_t i = 0; i < static_cast<size_t>(std::max(n, 0)); ++i) {
    if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
    buffers[kept++] = buffers[i].first(messages[i].msg_len);
  }
  return kept;
}

size_t PacketPort::send(std::span<const Bytes> frames) {
  return send_batch(fd_.get(), frames);
}

}  // namespace sluice::lab
