// Notifications over WebSocket (RFC 6455), for clients that nobody can call: a port of its own
// where each subscription has an unguessable URI.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/net/ip_address.h"
#include "notify/sender.h"

namespace sluice::notify {

struct WebSocketOptions {
  IpAddress address;
  uint16_t port = 0;              // 0: any free one
  std::string public_uri;         // what clients reach it by, "wss://mep.example/notifications"
  size_t connections = 1'000;     // beyond: 503
  std::chrono::seconds idle{30};  // a client that answers no ping for this long is gone
  std::chrono::seconds handshake{10};
};

// A notification is one text frame, its JSON and nothing else. It counts as delivered when the
// pong to a ping behind it arrives, since then the client has read it; a client that goes before is
// told it again when it is back. What clients send is read and ignored. A second connection for the
// same subscription takes the place of the first (close code 1008).
class WebSocketServer final : public Sender {
 public:
  // Listens and serves on a thread of its own until destroyed. Reports, and `present(token)` for
  // every client that has connected, come on the thread of `loop`, which is where send() and
  // cancel() belong; it must outlive the server. kUnavailable when the address cannot be bound.
  static Result<std::unique_ptr<WebSocketServer>> start(
      EventLoop& loop, const WebSocketOptions& options,
      std::function<void(const std::string& token)> present);
  ~WebSocketServer() override;

  uint64_t send(const std::string& token, std::string text, const std::string& id,
                Done done) override;
  void cancel(uint64_t transfer) override;

  // Which tokens are known: others get 404. A client whose token is forbidden is disconnected. From
  // any thread; a client that connects afterwards finds it done.
  void admit(const std::string& token);
  void forbid(const std::string& token);

  uint16_t port() const;
  size_t connections() const;

 private:
  class Impl;
  explicit WebSocketServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Where a WebSocket server of these options is reached: public_uri, or "ws://address:port".
std::string websocket_base(const WebSocketOptions& options, uint16_t port);

}  // namespace sluice::notify
