#include "upf-dataplane/pfcp/n4_server.h"

#include <algorithm>

#include "upf-dataplane/pfcp/udp_socket.h"

namespace sluice::upf::pfcp {
namespace {

constexpr size_t kLargestDatagram = 65'535;
// Datagrams served before other work of the loop gets its turn.
constexpr int kBurst = 64;

}  // namespace

Result<std::unique_ptr<N4Server>> N4Server::start(const N4Config& config, EventLoop& loop,
                                                  SessionInstaller& installer, const Clock& clock) {
  if (const auto usable = check(config); !usable) return std::unexpected(usable.error());
  auto socket = bind_udp({config.listen, config.port});
  if (!socket) return std::unexpected(socket.error());
  const auto bound = bound_address(*socket);
  if (!bound) return std::unexpected(bound.error());
  return std::unique_ptr<N4Server>(
      new N4Server(config, loop, installer, clock, *std::move(socket), bound->port));
}

N4Server::N4Server(const N4Config& config, EventLoop& loop, SessionInstaller& installer,
                   const Clock& clock, UniqueFd socket, uint16_t port)
    : loop_(loop),
      clock_(clock),
      socket_(std::move(socket)),
      port_(port),
      n4_(config, installer, clock),
      buffer_(kLargestDatagram) {
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { receive(); });
}

N4Server::~N4Server() {
  loop_.cancel(timer_);
  loop_.unwatch(socket_.get());
}

void N4Server::receive() {
  for (int i = 0; i < kBurst; ++i) {
    const auto datagram = receive_udp(socket_, buffer_);
    if (!datagram) break;
    if (before_requests_) before_requests_();
    send(n4_.receive(datagram->from, datagram->bytes));
  }
  advance_if_due();
}

void N4Server::request_release() {
  n4_.request_release();
  advance_if_due();
}

void N4Server::report_path(const IpAddress& peer, bool works) {
  n4_.report_path(peer, works);
  advance_if_due();
}

void N4Server::usage_changed(Seid seid) {
  n4_.usage_changed(seid);
  advance_if_due();
}

void N4Server::packet_buffered(Seid seid, PdrId pdr) {
  n4_.packet_buffered(seid, pdr);
  advance_if_due();
}

void N4Server::tunnel_unknown(Seid seid, const OuterHeader& tunnel) {
  n4_.tunnel_unknown(seid, tunnel);
  advance_if_due();
}

// What was asked for just now leaves at once and not by a timer.
void N4Server::advance_if_due() {
  const auto deadline = n4_.next_deadline();
  if (deadline && *deadline <= clock_.now()) send(n4_.advance());
  arm_timer();
}

void N4Server::advance() {
  armed_for_.reset();
  send(n4_.advance());
  arm_timer();
}

void N4Server::send(const std::vector<Outgoing>& datagrams) {
  for (const Outgoing& datagram : datagrams) {
    if (!send_udp(socket_, datagram.to, datagram.bytes)) ++send_failures_;
  }
}

// A deadline that moved back needs no new timer: the early one finds nothing due and arms again.
void N4Server::arm_timer() {
  const auto deadline = n4_.next_deadline();
  if (!deadline || (armed_for_ && *armed_for_ <= *deadline)) return;
  loop_.cancel(timer_);
  armed_for_ = deadline;
  const auto delay = std::max(*deadline - clock_.now(), EventLoop::Clock::duration::zero());
  timer_ = loop_.after(delay, [this] { advance(); });
}

}  // namespace sluice::upf::pfcp
