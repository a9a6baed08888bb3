#include "mep/dns/tcp_listener.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"

namespace sluice::mep::dns {
namespace {

constexpr int kBacklog = 128;
constexpr std::chrono::seconds kIdleCheck{1};

}  // namespace

Result<std::unique_ptr<TcpListener>> TcpListener::listen(EventLoop& loop, const Endpoint& local,
                                                         Resolver& resolver,
                                                         const TcpLimits& limits,
                                                         Counters& counters,
                                                         Callback before_batch) {
  auto socket = bound_socket(local, SOCK_STREAM);
  if (!socket) return std::unexpected(socket.error());
  if (::listen(socket->get(), kBacklog) < 0) {
    return std::unexpected(errno_error("listen " + local.to_string()));
  }
  return std::unique_ptr<TcpListener>(new TcpListener(loop, std::move(*socket), resolver, limits,
                                                      counters, std::move(before_batch)));
}

TcpListener::TcpListener(EventLoop& loop, UniqueFd socket, Resolver& resolver,
                         const TcpLimits& limits, Counters& counters, Callback before_batch)
    : loop_(loop),
      socket_(std::move(socket)),
      resolver_(resolver),
      limits_(limits),
      counters_(counters),
      before_batch_(std::move(before_batch)),
      idle_check_(loop.every(kIdleCheck, [this] { close_idle(); })) {
  watch();
}

TcpListener::~TcpListener() {
  loop_.cancel(idle_check_);
  loop_.unwatch(socket_.get());
}

void TcpListener::watch() {
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { on_acceptable(); });
}

void TcpListener::on_acceptable() {
  while (accept_one()) {
  }
}

bool TcpListener::accept_one() {
  SocketAddress address;
  UniqueFd socket(
      accept4(socket_.get(), address.raw(), &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    if (errno == ECONNABORTED || errno == EINTR) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    spdlog::warn("dns cannot accept reason=\"{}\"", errno_error("accept").message);
    loop_.unwatch(socket_.get());
    paused_ = true;
    return false;
  }
  if (connections_.size() < limits_.connections || make_room()) {
    add(std::move(socket), address.endpoint().address);
  }
  return true;
}

void TcpListener::add(UniqueFd socket, const IpAddress& client) {
  const uint64_t id = ++last_id_;
  auto connection = std::make_shared<TcpConnection>(loop_, std::move(socket), client, resolver_,
                                                    before_batch_, [this, id] { remove(id); });
  connections_.emplace(id, connection);
  counters_.connections.fetch_add(1, std::memory_order_relaxed);
  connection->start();
}

void TcpListener::remove(uint64_t id) {
  if (connections_.erase(id) != 0) counters_.connections.fetch_sub(1, std::memory_order_relaxed);
}

bool TcpListener::make_room() {
  auto oldest = connections_.end();
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (it->second->is_busy()) continue;
    const bool older =
        oldest == connections_.end() || it->second->last_active() < oldest->second->last_active();
    if (older) oldest = it;
  }
  if (oldest == connections_.end()) return false;
  remove(oldest->first);
  return true;
}

void TcpListener::close_idle() {
  const auto now = EventLoop::Clock::now();
  std::erase_if(connections_, [&](const auto& entry) {
    const bool idle = now - entry.second->last_active() >= limits_.idle;
    if (idle) counters_.connections.fetch_sub(1, std::memory_order_relaxed);
    return idle;
  });
  if (paused_) {
    paused_ = false;
    watch();
  }
}

}  // namespace sluice::mep::dns
