#include "base/http/pistache_transport.h"

#include <pistache/listener.h>
#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <pistache/transport.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <array>
#include <atomic>
#include <latch>
#include <unordered_map>

#include "base/unique_fd.h"

namespace sluice::http {
namespace {

using Clock = std::chrono::steady_clock;
namespace polling = Pistache::Polling;
using Interest = Pistache::Flags<polling::NotifyOn>;

constexpr size_t kReadSize = 64 * 1024;
// A connection that always has more to read gives way to the others after so many reads.
constexpr int kReadsPerTurn = 16;
// Replies wait in memory up to about this size; then the connection's next request waits.
constexpr size_t kEnoughOutput = 256 * 1024;
constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kMaxTick{500};
constexpr std::chrono::milliseconds kMinTick{10};

// What the workers of one transport have in common.
struct Shared {
  Shared(const TransportLimits& l, RequestHandler h, size_t workers)
      : limits(l), handler(std::move(h)), started(static_cast<ptrdiff_t>(workers)) {}

  const TransportLimits limits;
  const RequestHandler handler;
  std::atomic<size_t> connections{0};
  std::atomic<size_t> held{0};  // octets of incomplete requests of all connections
  std::latch started;           // counted down by each worker once it runs
};

// What a connection waits for; each has its timeout.
enum class Phase { kIdle, kHeader, kBody, kWriting, kLingering };

struct Connection {
  Connection(std::shared_ptr<Pistache::Tcp::Peer> p, const Shared& shared)
      : peer(std::move(p)),
        fd(peer->fd()),
        http(shared.limits.parser, shared.handler,
             fmt::format("{}:{}", peer->address().host(), peer->address().port().toString())) {}

  bool has_output() const { return sent < out.size(); }

  std::shared_ptr<Pistache::Tcp::Peer> peer;
  int fd;
  Http1Connection http;
  std::string out;  // replies; those bytes before `sent` are gone
  size_t sent = 0;
  bool end_of_input = false;  // the client closed its side
  bool lingering = false;     // our side is closed
  size_t held = 0;            // octets that count in Shared::held
  size_t thrown_away = 0;     // octets read while lingering
  Phase phase = Phase::kIdle;
  Clock::time_point phase_since = Clock::now();
  size_t served_at_phase = 0;
};

// One worker thread's connections. Pistache accepts them and tells when their sockets are ready;
// reading, writing and closing are done here, because its own write path loses the readiness to
// write when there is something to read too, and its read path closes half-closed connections
// before their replies are out.
class Worker final : public Pistache::Tcp::Transport {
 public:
  explicit Worker(std::shared_ptr<Shared> shared);
  ~Worker() override;

  std::shared_ptr<Pistache::Aio::Handler> clone() const override {
    return std::make_shared<Worker>(shared_);
  }
  void registerPoller(polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& ready) override;

  void opened(const std::shared_ptr<Pistache::Tcp::Peer>& peer);

 private:
  enum class Fate { kKept, kClosed };

  void on_event(Connection& c, const Pistache::Aio::FdSet::Entry& event);
  template <typename Step>
  void guarded(int fd, Step step);
  void refuse_if_full(Connection& c);
  Fate read(Connection& c);
  Fate drive(Connection& c);
  Fate charge(Connection& c);
  void count_held(Connection& c, size_t held);
  Fate flush(Connection& c);
  void linger(Connection& c);
  Fate close(Connection& c);
  void note_phase(Connection& c, bool progress);
  void check_timeouts();
  void time_out(Connection& c);
  std::chrono::milliseconds timeout_of(Phase phase) const;

  std::shared_ptr<Shared> shared_;
  std::unordered_map<int, Connection> connections_;  // by descriptor
  std::vector<int> closed_this_turn_;  // later events of the same batch must not reach Pistache
  UniqueFd timer_;
  bool started_ = false;
};

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
  for (const auto phase :
       {Phase::kIdle, Phase::kHeader, Phase::kBody, Phase::kWriting, Phase::kLingering}) {
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
    auto& c = connections_.try_emplace(peer->fd(), peer, *shared_).first->second;
    refuse_if_full(c);
  } catch (...) {  // its first event finds it closed
    ::shutdown(peer->fd(), SHUT_RDWR);
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

// An exception, a handler's or for want of memory, ends this connection: the others must not
// suffer.
template <typename Step>
void Worker::guarded(int fd, Step step) {
  try {
    step();
  } catch (...) {
    if (const auto it = connections_.find(fd); it != connections_.end()) close(it->second);
  }
}

// Reads as long as there is something and the replies find takers. Readiness is told once
// (edge-triggered): whoever stops early comes back here from drive() or asks to be told again.
Worker::Fate Worker::read(Connection& c) {
  thread_local std::array<char, kReadSize> buffer;
  for (int round = 0; round < kReadsPerTurn; ++round) {
    if (c.has_output() || c.end_of_input) return Fate::kKept;
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
    c.http.feed(bytes);
    if (drive(c) == Fate::kClosed || charge(c) == Fate::kClosed) return Fate::kClosed;
  }
  reactor()->modifyFd(key(), c.fd, polling::NotifyOn::Read | polling::NotifyOn::Shutdown,
                      polling::Mode::Edge);
  return Fate::kKept;
}

// Anybody may send a body, and it is held until it is complete and can be asked for its token: all
// connections together have one budget. Who would exceed it is refused; small requests, complete as
// soon as they are read, always pass.
Worker::Fate Worker::charge(Connection& c) {
  count_held(c, c.http.held());
  const bool body = c.http.stage() == Http1Parser::Stage::kBody;
  if (!body || shared_->held <= shared_->limits.body_budget) return Fate::kKept;
  c.http.overload(c.out);
  count_held(c, c.http.held());
  return drive(c);
}

void Worker::count_held(Connection& c, size_t held) {
  shared_->held += held;
  shared_->held -= std::exchange(c.held, held);
}

// Serves and sends until there is nothing to do or the client must act first.
Worker::Fate Worker::drive(Connection& c) {
  bool more = true;
  while (more) {
    if (flush(c) == Fate::kClosed) return Fate::kClosed;
    if (c.has_output()) return Fate::kKept;
    more = !c.http.serve(c.out, kEnoughOutput) || c.has_output();
  }
  note_phase(c, false);
  if (c.end_of_input) return close(c);
  if (c.http.finished() && !c.lingering) linger(c);
  return Fate::kKept;
}

Worker::Fate Worker::flush(Connection& c) {
  bool progress = false;
  while (c.has_output()) {
    const ssize_t n =
        ::send(c.fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      reactor()->modifyFd(
          key(), c.fd,
          polling::NotifyOn::Read | polling::NotifyOn::Shutdown | polling::NotifyOn::Write,
          polling::Mode::Edge);
      note_phase(c, progress);
      return Fate::kKept;
    }
    if (n < 0) return close(c);
    c.sent += static_cast<size_t>(n);
    progress = true;
  }
  c.out.clear();
  c.sent = 0;
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
  count_held(c, 0);
  connections_.erase(c.fd);
  --shared_->connections;
  removePeer(peer);  // closes the descriptor
  return Fate::kClosed;
}

void Worker::note_phase(Connection& c, bool progress) {
  Phase now = Phase::kIdle;
  if (c.lingering) {
    now = Phase::kLingering;
  } else if (c.has_output()) {
    now = Phase::kWriting;
  } else if (c.http.stage() == Http1Parser::Stage::kHeader) {
    now = Phase::kHeader;
  } else if (c.http.stage() == Http1Parser::Stage::kBody) {
    now = Phase::kBody;
  }
  if (now == c.phase && !progress && c.http.served() == c.served_at_phase) return;
  c.phase = now;
  c.phase_since = Clock::now();
  c.served_at_phase = c.http.served();
}

std::chrono::milliseconds Worker::timeout_of(Phase phase) const {
  const auto& limits = shared_->limits;
  switch (phase) {
    case Phase::kIdle:
      return limits.idle_timeout;
    case Phase::kHeader:
      return limits.header_timeout;
    case Phase::kBody:
      return limits.body_timeout;
    case Phase::kWriting:
      return limits.write_timeout;
    case Phase::kLingering:
      return limits.linger_timeout;
  }
  return limits.idle_timeout;
}

void Worker::check_timeouts() {
  uint64_t expirations = 0;
  [[maybe_unused]] const auto n = ::read(timer_.get(), &expirations, sizeof expirations);
  if (!std::exchange(started_, true)) shared_->started.count_down();
  const auto now = Clock::now();
  std::vector<int> late;
  for (const auto& [fd, c] : connections_) {
    if (now - c.phase_since >= timeout_of(c.phase)) late.push_back(fd);
  }
  for (const int fd : late) {
    guarded(fd, [&] { time_out(connections_.at(fd)); });
  }
}

void Worker::time_out(Connection& c) {
  if (c.phase != Phase::kHeader && c.phase != Phase::kBody) {
    close(c);
    return;
  }
  c.http.time_out(c.out);
  drive(c);
}

// Threads started while this lives take no signals: they belong to the thread that waits for them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

Pistache::Address to_pistache(const IpAddress& address, uint16_t port) {
  const auto text = address.to_string();
  const bool v6 = text.find(':') != std::string::npos;
  return Pistache::Address(v6 ? "[" + text + "]" : text, Pistache::Port(port));
}

}  // namespace

struct PistacheTransport::Running {
  std::shared_ptr<Shared> shared;
  Pistache::Tcp::Listener listener;
};

PistacheTransport::PistacheTransport(std::unique_ptr<Running> running, uint16_t port)
    : running_(std::move(running)), port_(port) {}

PistacheTransport::~PistacheTransport() = default;  // the listener's destructor stops and joins

size_t PistacheTransport::connections() const { return running_->shared->connections; }

size_t PistacheTransport::bytes_held() const { return running_->shared->held; }

Result<std::unique_ptr<PistacheTransport>> PistacheTransport::start(const TransportOptions& options,
                                                                    RequestHandler handler) {
  const SignalsBlocked blocked;
  auto running = std::make_unique<Running>();
  running->shared = std::make_shared<Shared>(options.limits, std::move(handler), options.threads);
  auto& listener = running->listener;
  const auto name = fmt::format("{} port {}", options.address.to_string(), options.port);
  try {
    using Pistache::Tcp::Options;
    listener.init(
        options.threads,
        Pistache::Flags<Options>(Options::ReuseAddr) | Options::NoDelay | Options::CloseOnExec,
        "http", kBacklog);
    listener.setTransportFactory(
        [shared = running->shared] { return std::make_shared<Worker>(shared); });
    listener.bind(to_pistache(options.address, options.port));
    listener.runThreaded();
  } catch (const std::exception& e) {
    return fail(ErrorCode::kUnavailable, "cannot listen on {}: {}", name, e.what());
  }
  // A listener that is stopped before its workers run would never stop them.
  running->shared->started.wait();
  const auto port = static_cast<uint16_t>(listener.getPort());
  return std::unique_ptr<PistacheTransport>(new PistacheTransport(std::move(running), port));
}

}  // namespace sluice::http
