#include "base/http/pistache_worker.h"

#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>

#include "base/http/http1_connection.h"
#include "base/http/negotiating_connection.h"
#include "base/http/pending_response.h"

namespace sluice::http {
namespace {

using Clock = std::chrono::steady_clock;
namespace polling = Pistache::Polling;
using Interest = Pistache::Flags<polling::NotifyOn>;

constexpr size_t kReadSize = 64 * 1024;
// A connection that always has more to read gives way to the others after so many reads.
constexpr int kReadsPerTurn = 16;
// So does one whose client takes a long reply as fast as it is sent.
constexpr int kServesPerTurn = 32;
// Replies wait in memory up to about this size; then the connection's next request waits.
constexpr size_t kEnoughOutput = 256 * 1024;
constexpr std::chrono::milliseconds kMaxTick{500};
constexpr std::chrono::milliseconds kMinTick{10};

// Tells a worker of its new connections. Input never comes this way: the worker reads it itself.
class Acceptor final : public Pistache::Tcp::Handler {
 public:
  std::shared_ptr<Pistache::Tcp::Handler> clone() const override {
    return std::make_shared<Acceptor>();
  }
  void onConnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    static_cast<Worker*>(transport())->opened(peer);
  }
  void onInput(const char*, size_t, const std::shared_ptr<Pistache::Tcp::Peer>&) override {}
};

// Whether the client reset the connection, without reading what it may have sent.
bool is_gone(const Connection& c) {
  char byte = 0;
  return ::recv(c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN &&
         errno != EWOULDBLOCK && errno != EINTR;
}

}  // namespace

Worker::Worker(std::shared_ptr<Shared> shared)
    : Transport(std::make_shared<Acceptor>()), shared_(std::move(shared)) {}

Worker::~Worker() {
  for (auto& [fd, c] : connections_) {
    if (c.has_output()) {
      [[maybe_unused]] const auto n =
          ::send(fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ::close(fd);
  }
  shared_->connections -= connections_.size();
}

void Worker::registerPoller(polling::Epoll& poller) {
  Transport::registerPoller(poller);
  using std::chrono::milliseconds;
  auto shortest = kMaxTick * 4;
  for (const auto phase : {Phase::kIdle, Phase::kHeader, Phase::kBody, Phase::kAwaiting,
                           Phase::kWriting, Phase::kLingering}) {
    shortest = std::min(shortest, timeout_of(phase));
  }
  const auto tick = std::clamp(shortest / 4, kMinTick, kMaxTick);
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  itimerspec spec{};
  spec.it_value.tv_nsec = 1;  // the first time at once: says that the worker runs
  spec.it_interval.tv_nsec = std::chrono::nanoseconds(tick).count();
  if (!timer_ || ::timerfd_settime(timer_.get(), 0, &spec, nullptr) != 0) {
    throw std::runtime_error(errno_error("timerfd").message);
  }
  poller.addFd(timer_.get(), Interest(polling::NotifyOn::Read),
               polling::Tag(static_cast<uint64_t>(timer_.get())));
  auto mailbox = Mailbox::make();
  if (!mailbox) throw std::runtime_error(mailbox.error().message);
  mailbox_ = std::move(*mailbox);
  poller.addFd(mailbox_->fd(), Interest(polling::NotifyOn::Read),
               polling::Tag(static_cast<uint64_t>(mailbox_->fd())));
  const std::lock_guard lock(shared_->mutex);
  shared_->mailboxes.push_back(mailbox_);
}

void Worker::onReady(const Pistache::Aio::FdSet& ready) {
  closed_this_turn_.clear();
  std::vector<polling::Event> others;  // Pistache's own: its queues
  for (const auto& event : ready) {
    const int fd = static_cast<int>(event.getTag().value());
    if (fd == timer_.get()) {
      try {
        check_timeouts();
      } catch (const std::bad_alloc&) {
        // The next tick looks again.
      }
    } else if (fd == mailbox_->fd()) {
      on_mail();
    } else if (const auto it = connections_.find(fd); it != connections_.end()) {
      on_event(it->second, event);
    } else if (std::ranges::find(closed_this_turn_, fd) == closed_this_turn_.end()) {
      polling::Event other(event.getTag());
      other.flags = Interest(polling::NotifyOn::Read);
      others.push_back(other);
    }
  }
  if (!others.empty()) Transport::onReady(Pistache::Aio::FdSet(std::move(others)));
}

void Worker::opened(const std::shared_ptr<Pistache::Tcp::Peer>& peer) {
  try {
    const auto serial = ++opened_;
    auto& c = connections_
                  .try_emplace(peer->fd(), peer, serial, make_http(*peer, serial), shared_->replies)
                  .first->second;
    refuse_if_full(c);
  } catch (...) {  // its first event finds it closed
    ::shutdown(peer->fd(), SHUT_RDWR);
  }
}

std::unique_ptr<ServerConnection> Worker::make_http(const Pistache::Tcp::Peer& peer,
                                                    uint64_t serial) const {
  const auto& address = peer.address();
  auto defer = [shared = shared_, mailbox = mailbox_, fd = peer.fd(), serial](
                   uint32_t ticket, const std::shared_ptr<PendingResponse>& pending) {
    ++shared->awaited;
    pending->on_ready([mailbox, fd, serial, ticket](Response&& response) {
      mailbox->post({fd, serial, ticket, std::move(response)});
    });
  };
  const auto host = address.host();
  const auto ip = IpAddress::parse(host);
  const auto name =
      fmt::format("{}:{}", host.contains(':') ? "[" + host + "]" : host, address.port().toString());
  const bool proxy = ip && std::ranges::any_of(shared_->trusted_proxies,
                                               [&](const IpPrefix& p) { return p.contains(*ip); });
  return make_negotiating_connection(
      shared_->limits,
      ConnectionHost{shared_->service, name, proxy, std::move(defer), &shared_->replies});
}

void Worker::on_mail() {
  auto letters = mailbox_->take();
  if (shared_->draining && !std::exchange(told_to_go_, true)) {
    tell_to_go();
    shared_->settle();
  }
  std::vector<int> told;
  for (auto& letter : letters) {
    guarded(letter.fd, [&] {
      const auto it = connections_.find(letter.fd);
      if (it == connections_.end() || it->second.serial != letter.serial) return;  // it left
      it->second.http->complete(letter.ticket, std::move(letter.response));
      if (told.empty() || told.back() != letter.fd) told.push_back(letter.fd);
    });
  }
  std::ranges::sort(told);  // so that replies that come together leave together
  told.erase(std::ranges::unique(told).begin(), told.end());
  for (const int fd : told) {
    guarded(fd, [&] {
      const auto it = connections_.find(fd);
      if (it == connections_.end() || it->second.lingering) return;
      if (drive(it->second) == Fate::kKept) read(it->second);
    });
  }
  for (size_t i = 0; i < letters.size(); ++i) shared_->settle();
}

void Worker::tell_to_go() {
  std::vector<int> all;
  for (const auto& [fd, c] : connections_) all.push_back(fd);
  for (const int fd : all) {
    guarded(fd, [&] {
      auto& c = connections_.at(fd);
      if (c.lingering) return;
      c.http->go_away();
      drive(c);
    });
  }
}

void Worker::refuse_if_full(Connection& c) {
  if (shared_->connections.fetch_add(1) < shared_->limits.max_connections) return;
  // Pistache watches the socket only after this call: closing has to wait for its first event.
  write_response(Response::problem(503, "too many connections").with("Retry-After", "1"), false, 1,
                 c.out);
  [[maybe_unused]] const auto n =
      ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  c.out.clear();
  linger(c);
}

void Worker::on_event(Connection& c, const Pistache::Aio::FdSet::Entry& event) {
  guarded(c.fd, [&] {
    if (event.isWritable() && c.has_output() && drive(c) == Fate::kClosed) return;
    read(c);
  });
}

// Reads as long as there is something and the replies find takers. Readiness is told once
// (edge-triggered): whoever stops early comes back here from drive() or asks to be told again.
Worker::Fate Worker::read(Connection& c) {
  thread_local std::array<char, kReadSize> buffer;
  for (int round = 0; round < kReadsPerTurn; ++round) {
    if (c.has_output() || c.end_of_input) return Fate::kKept;
    if (!c.http->wants_input()) return is_gone(c) ? close(c) : Fate::kKept;
    const ssize_t n = ::recv(c.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK ? Fate::kKept : close(c);
    }
    c.end_of_input = n == 0;
    const std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    if (c.lingering) {
      c.thrown_away += bytes.size();
      if (c.end_of_input || c.thrown_away > shared_->limits.linger_bytes) return close(c);
      continue;
    }
    c.http->feed(bytes);
    if (drive(c) == Fate::kClosed || charge(c) == Fate::kClosed) return Fate::kClosed;
  }
  reactor()->modifyFd(key(), c.fd, polling::NotifyOn::Read | polling::NotifyOn::Shutdown,
                      polling::Mode::Edge);
  return Fate::kKept;
}

// A body is held until it is complete: all connections together have one budget, and clients who
// have not proved who they are a part of it. Who would exceed it is refused; small requests,
// complete as soon as they are read, always pass.
Worker::Fate Worker::charge(Connection& c) {
  count_held(c, c.http->held());
  if (!c.http->reading_body()) return Fate::kKept;
  const auto& limits = shared_->limits;
  const size_t strangers = shared_->held_by_strangers;
  const bool all = shared_->held_by_known + strangers > limits.body_budget;
  if (!all && (strangers <= limits.stranger_body_budget || c.held.stranger == 0)) {
    return Fate::kKept;
  }
  c.http->overload(!all, c.out);
  count_held(c, c.http->held());
  return drive(c);
}

void Worker::count_held(Connection& c, ServerConnection::Held held) {
  shared_->held_by_known += held.known;
  shared_->held_by_strangers += held.stranger;
  const auto before = std::exchange(c.held, held);
  shared_->held_by_known -= before.known;
  shared_->held_by_strangers -= before.stranger;
}

// Serves and sends until there is nothing to do or the client must act first.
Worker::Fate Worker::drive(Connection& c) {
  bool more = true;
  for (int round = 0; more; ++round) {
    if (round >= kServesPerTurn && c.has_output()) {
      reactor()->modifyFd(
          key(), c.fd,
          polling::NotifyOn::Read | polling::NotifyOn::Shutdown | polling::NotifyOn::Write,
          polling::Mode::Edge);
      c.account.set(c.out.size());
      note_phase(c, true);
      return Fate::kKept;
    }
    if (flush(c) == Fate::kClosed) return Fate::kClosed;
    if (c.has_output()) return Fate::kKept;
    more = !c.http->serve(c.out, enough_output()) || c.has_output();
  }
  note_phase(c, false);
  // A client that has said all may still wait for replies.
  if (c.end_of_input && c.http->stage() != ServerConnection::Stage::kBusy) return close(c);
  if (c.http->finished() && !c.lingering) linger(c);
  return Fate::kKept;
}

// Of one connection: less where little of the budget is free, but a reply at a time always.
size_t Worker::enough_output() const {
  return std::clamp(shared_->replies.share(), size_t{1}, kEnoughOutput);
}

Worker::Fate Worker::flush(Connection& c) {
  bool progress = false;
  if (c.has_output() && c.sent == 0) {
    c.writing_since = Clock::now();
    c.taken = 0;
  }
  while (c.has_output()) {
    const ssize_t n =
        ::send(c.fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      reactor()->modifyFd(
          key(), c.fd,
          polling::NotifyOn::Read | polling::NotifyOn::Shutdown | polling::NotifyOn::Write,
          polling::Mode::Edge);
      c.account.set(c.out.size());
      note_phase(c, progress);
      return Fate::kKept;
    }
    if (n < 0) return close(c);
    c.sent += static_cast<size_t>(n);
    c.taken += static_cast<size_t>(n);
    progress = true;
  }
  c.out.clear();
  c.sent = 0;
  c.account.set(0);
  return Fate::kKept;
}

void Worker::linger(Connection& c) {
  ::shutdown(c.fd, SHUT_WR);
  c.lingering = true;
  note_phase(c, false);
}

Worker::Fate Worker::close(Connection& c) {
  const auto peer = c.peer;
  closed_this_turn_.push_back(c.fd);
  count_held(c, {});
  connections_.erase(c.fd);
  --shared_->connections;
  removePeer(peer);  // closes the descriptor
  return Fate::kClosed;
}

void Shared::start_draining() {
  const std::lock_guard lock(mutex);
  awaited += mailboxes.size();
  draining = true;
  for (const auto& mailbox : mailboxes) mailbox->wake();
}

void Shared::settle() {
  if (--awaited == 0 && draining) drained.release();
}

}  // namespace sluice::http
