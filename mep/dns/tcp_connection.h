// Queries over one TCP connection (RFC 7766): several, at once and answered in any order.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "mep/dns/endpoint.h"
#include "mep/dns/resolver.h"

namespace sluice::mep::dns {

// On the loop's thread.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  using TimePoint = EventLoop::Clock::time_point;
  using Callback = std::function<void()>;

  // Queries of one connection that wait for an upstream resolver; the next is read when one of
  // them is answered.
  static constexpr size_t kMaxWaiting = 32;
  static constexpr size_t kMaxUnsent = 64 * 1024;  // octets; as above

  // `ended` is called when the connection has nothing more to do or is broken; the owner then
  // destroys it. `loop` and `resolver` must outlive it.
  TcpConnection(EventLoop& loop, UniqueFd socket, const IpAddress& client, Resolver& resolver,
                Callback before_batch, Callback ended);
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;
  ~TcpConnection();

  void start();
  // Of the last whole query or the last progress in sending: octets that never become a query do
  // not keep a connection.
  TimePoint last_active() const { return last_active_; }
  bool is_busy() const { return waiting_ != 0 || unsent() != 0; }

 private:
  void on_event(uint32_t events);
  bool read();            // false: broken
  bool handle_queries();  // false: the client does not speak DNS
  bool handle(Bytes query);
  void queue(Bytes response);
  bool write();  // false: broken
  void go_on();  // after something changed: writes, reads on, or ends
  bool may_read() const;
  size_t unsent() const { return out_.size() - sent_; }

  EventLoop& loop_;
  UniqueFd socket_;
  IpAddress client_;
  Resolver& resolver_;
  Callback before_batch_;
  Callback ended_;
  std::vector<uint8_t> in_;   // not handled yet
  std::vector<uint8_t> out_;  // from sent_ on: not sent yet
  size_t sent_ = 0;
  size_t waiting_ = 0;
  bool client_is_done_ = false;  // has closed its direction
  uint32_t watched_ = 0;
  TimePoint last_active_;
  std::vector<uint8_t> response_;
};

}  // namespace sluice::mep::dns
