// Accepts TCP connections of clients, within bounds.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "mep/dns/tcp_connection.h"

namespace sluice::mep::dns {

struct TcpLimits {
  size_t connections = 200;       // when there is one more, the one idle longest is closed
  std::chrono::seconds idle{10};  // then a connection without a whole query is closed
};

// On the loop's thread.
class TcpListener {
 public:
  using Callback = TcpConnection::Callback;

  // `before_batch` runs before queries that have arrived are looked at. `loop`, `resolver` and
  // `counters` must outlive the listener.
  static Result<std::unique_ptr<TcpListener>> listen(EventLoop& loop, const Endpoint& local,
                                                     Resolver& resolver, const TcpLimits& limits,
                                                     Counters& counters, Callback before_batch);
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

 private:
  TcpListener(EventLoop& loop, UniqueFd socket, Resolver& resolver, const TcpLimits& limits,
              Counters& counters, Callback before_batch);
  void watch();
  void on_acceptable();
  bool accept_one();  // false: nobody is waiting
  void add(UniqueFd socket, const IpAddress& client);
  bool make_room();  // false: every connection has something to do
  void close_idle();
  void remove(uint64_t id);

  EventLoop& loop_;
  UniqueFd socket_;
  Resolver& resolver_;
  TcpLimits limits_;
  Counters& counters_;
  Callback before_batch_;
  std::unordered_map<uint64_t, std::shared_ptr<TcpConnection>> connections_;
  uint64_t last_id_ = 0;
  bool paused_ = false;  // until the next check: out of descriptors
  TimerId idle_check_;
};

}  // namespace sluice::mep::dns
