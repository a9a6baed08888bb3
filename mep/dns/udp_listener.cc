#include "mep/dns/udp_listener.h"

#include <netinet/in.h>

#include <cstring>

namespace sluice::mep::dns {
namespace {

// A burst of thousands of queries; the kernel may give less.
constexpr int kSocketBuffer = 4 << 20;

void tell_destination(const UniqueFd& socket, bool v4) {
  const int on = 1;
  if (v4) {
    setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  } else {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
}

// The kernel's note of where a query was sent to, sent back with the response, says which address
// it leaves from. Which interface it takes is up to the routes, but for link-local addresses.
void leave_interface_open(msghdr& message) {
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  if (control == nullptr) return;
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    info.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  }
}

msghdr header(SocketAddress& address, uint8_t* control, size_t control_bytes, iovec& part) {
  msghdr out{};
  out.msg_name = &address.storage;
  out.msg_namelen = address.length;
  out.msg_iov = &part;
  out.msg_iovlen = 1;
  out.msg_control = control_bytes == 0 ? nullptr : control;
  out.msg_controllen = control_bytes;
  return out;
}

}  // namespace

Result<std::unique_ptr<UdpListener>> UdpListener::listen(EventLoop& loop, const Endpoint& local,
                                                         Resolver& resolver,
                                                         BeforeBatch before_batch) {
  auto socket = bound_socket(local, SOCK_DGRAM);
  if (!socket) return std::unexpected(socket.error());
  setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  setsockopt(socket->get(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  tell_destination(*socket, local.address.is_v4());
  return std::unique_ptr<UdpListener>(
      new UdpListener(loop, std::move(*socket), resolver, std::move(before_batch)));
}

UdpListener::UdpListener(EventLoop& loop, UniqueFd socket, Resolver& resolver,
                         BeforeBatch before_batch)
    : loop_(loop),
      socket_(std::move(socket)),
      resolver_(resolver),
      before_batch_(std::move(before_batch)),
      slots_(kBatch) {
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { on_readable(); });
}

UdpListener::~UdpListener() { loop_.unwatch(socket_.get()); }

void UdpListener::on_readable() {
  before_batch_();
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t queries = receive();
    answer(queries);
    if (queries < kBatch) return;
  }
}

size_t UdpListener::receive() {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts;
  for (size_t i = 0; i < kBatch; ++i) {
    Slot& slot = slots_[i];
    slot.peer.address.length = sizeof(sockaddr_storage);
    parts[i] = {slot.query.data(), slot.query.size()};
    messages[i].msg_hdr =
        header(slot.peer.address, slot.peer.control.data(), slot.peer.control.size(), parts[i]);
  }
  // An ICMP error about an earlier response is reported here; queries may be behind it.
  int received = -1;
  do {
    received = recvmmsg(socket_.get(), messages.data(), kBatch, 0, nullptr);
  } while (received < 0 && (errno == ECONNREFUSED || errno == EINTR));
  for (int i = 0; i < received; ++i) {
    const auto index = static_cast<size_t>(i);
    msghdr& message = messages[index].msg_hdr;
    leave_interface_open(message);
    Peer& peer = slots_[index].peer;
    peer.address.length = message.msg_namelen;
    peer.control_bytes = message.msg_controllen;
    const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    query_bytes_[index] = whole ? messages[index].msg_len : 0;
  }
  return received < 0 ? 0 : static_cast<size_t>(received);
}

void UdpListener::answer(size_t queries) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts;
  unsigned answers = 0;
  for (size_t i = 0; i < queries; ++i) {
    Slot& slot = slots_[i];
    const Endpoint client = slot.peer.address.endpoint();
    if (client.port == 0) continue;  // nowhere to send to
    const auto outcome = resolver_.handle(
        Bytes(slot.query).first(query_bytes_[i]), client.address, Transport::kUdp, slot.response,
        [&] { return [this, peer = slot.peer](Bytes response) { send(peer, response); }; });
    if (outcome != Resolver::Outcome::kAnswered) continue;
    parts[answers] = {slot.response.data(), slot.response.size()};
    messages[answers].msg_hdr = header(slot.peer.address, slot.peer.control.data(),
                                       slot.peer.control_bytes, parts[answers]);
    ++answers;
  }
  // What the kernel has no room for is lost, as datagrams are; one that cannot be sent does not
  // keep the others.
  for (unsigned sent = 0; sent < answers;) {
    const int n = sendmmsg(socket_.get(), messages.data() + sent, answers - sent, 0);
    sent += n > 0 ? static_cast<unsigned>(n) : 1;
  }
}

void UdpListener::send(Peer peer, Bytes response) const {
  iovec part{const_cast<uint8_t*>(response.data()), response.size()};
  const msghdr message = header(peer.address, peer.control.data(), peer.control_bytes, part);
  sendmsg(socket_.get(), &message, 0);
}

}  // namespace sluice::mep::dns
