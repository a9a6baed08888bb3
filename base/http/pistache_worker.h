// The connections of one of the transport's threads. Only pistache_transport.cc needs this.
#pragma once

#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <pistache/transport.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/http/mailbox.h"
#include "base/http/pistache_transport.h"
#include "base/http/server_connection.h"
#include "base/unique_fd.h"

namespace sluice::http {

// What the workers of one transport have in common.
struct Shared {
  Shared(const TransportOptions& options, Service s)
      : limits(options.limits),
        trusted_proxies(options.trusted_proxies),
        service(std::move(s)),
        replies(options.limits.reply_budget),
        started(static_cast<ptrdiff_t>(options.threads)) {}

  // Has every worker tell its clients to go; `drained` follows once they have been told and no
  // deferred reply is awaited.
  void start_draining();
  // One of what `awaited` counts is done.
  void settle();

  const TransportLimits limits;
  const std::vector<IpPrefix> trusted_proxies;
  const Service service;
  ReplyBudget replies;
  std::atomic<size_t> connections{0};
  std::atomic<size_t> held_by_known{0};  // octets of incomplete requests of all connections
  std::atomic<size_t> held_by_strangers{0};
  std::latch started;              // counted down by each worker once it runs
  std::atomic<size_t> awaited{0};  // deferred replies, and workers to tell their clients
  std::atomic<bool> draining{false};
  std::counting_semaphore<> drained{0};  // released whenever, while draining, `awaited` is 0
  std::mutex mutex;
  std::vector<std::shared_ptr<Mailbox>> mailboxes;  // of the workers; under `mutex`
};

// What a connection waits for; each has its timeout, kBusy none.
enum class Phase { kIdle, kHeader, kBody, kAwaiting, kBusy, kWriting, kLingering };

struct Connection {
  Connection(std::shared_ptr<Pistache::Tcp::Peer> p, uint64_t number,
             std::unique_ptr<ServerConnection> h, ReplyBudget& replies)
      : peer(std::move(p)), fd(peer->fd()), serial(number), http(std::move(h)), account(&replies) {}

  bool has_output() const { return sent < out.size(); }
  size_t owed() const { return out.size() - sent + http->owed(); }

  std::shared_ptr<Pistache::Tcp::Peer> peer;
  int fd;
  uint64_t serial;  // unlike the descriptor, never used again
  std::unique_ptr<ServerConnection> http;
  std::string out;  // replies; those bytes before `sent` are gone
  size_t sent = 0;
  ReplyAccount account;  // of `out`
  size_t taken = 0;      // octets that the socket took since `writing_since`
  std::chrono::steady_clock::time_point writing_since{};  // there is output
  // It owes replies, as ticks see it.
  std::chrono::steady_clock::time_point owing_since = std::chrono::steady_clock::now();
  bool end_of_input = false;    // the client closed its side
  bool lingering = false;       // our side is closed
  ServerConnection::Held held;  // what counts in Shared
  size_t thrown_away = 0;       // octets read while lingering
  Phase phase = Phase::kIdle;
  std::chrono::steady_clock::time_point phase_since = std::chrono::steady_clock::now();
  size_t served_at_phase = 0;
  uint64_t streamed_at_phase = 0;
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
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& ready) override;

  void opened(const std::shared_ptr<Pistache::Tcp::Peer>& peer);

 private:
  enum class Fate { kKept, kClosed };

  std::unique_ptr<ServerConnection> make_http(const Pistache::Tcp::Peer& peer,
                                              uint64_t serial) const;
  void on_event(Connection& c, const Pistache::Aio::FdSet::Entry& event);
  void on_mail();
  void deliver(Mailbox::Letter letter);
  void tell_to_go();
  // An exception, a handler's or for want of memory, ends this connection: the others must not
  // suffer.
  template <typename Step>
  void guarded(int fd, Step step) {
    try {
      step();
    } catch (...) {
      if (const auto it = connections_.find(fd); it != connections_.end()) close(it->second);
    }
  }
  void refuse_if_full(Connection& c);
  Fate read(Connection& c);
  Fate drive(Connection& c);
  Fate charge(Connection& c);
  void count_held(Connection& c, ServerConnection::Held held);
  Fate flush(Connection& c);
  void linger(Connection& c);
  Fate close(Connection& c);
  void note_phase(Connection& c, bool progress);
  size_t enough_output() const;
  void check_timeouts();
  void close_worst(std::chrono::steady_clock::time_point now);
  void check_timeout(Connection& c, std::chrono::steady_clock::time_point now);
  std::chrono::milliseconds timeout_of(Phase phase) const;

  std::shared_ptr<Shared> shared_;
  std::unordered_map<int, Connection> connections_;  // by descriptor
  std::vector<int> closed_this_turn_;  // later events of the same batch must not reach Pistache
  UniqueFd timer_;
  std::shared_ptr<Mailbox> mailbox_;
  uint64_t opened_ = 0;  // connections so far
  bool started_ = false;
  bool told_to_go_ = false;
};

}  // namespace sluice::http
