// The other end of callbacks, for tests and benchmarks: an HTTP/1.1 server on loopback that is fast
// and does what it is told, be it nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace sluice::notify {

struct ReceivedRequest {
  std::string_view target;  // "/app/7"
  std::string_view header;  // all fields, raw
  std::string_view body;
};

// What to answer: a status, perhaps with more header fields ("Retry-After: 1\r\n"); status 0 leaves
// the sender without an answer.
struct ReceiverAnswer {
  int status = 204;
  std::string fields = {};
  std::string body = {};
};

class CallbackReceiver {
 public:
  // Called on the receiver's thread.
  using Handler = std::function<ReceiverAnswer(const ReceivedRequest&)>;

  // Listens on loopback; `port` 0 is any free one. Throws when it cannot.
  explicit CallbackReceiver(Handler handler, uint16_t port = 0);
  ~CallbackReceiver();

  uint16_t port() const { return port_; }
  std::string uri(std::string_view path) const;  // "http://127.0.0.1:PORT" + path

 private:
  struct Connection {
    UniqueFd fd;
    std::string input;
    std::string output;
  };

  void accept_all();
  void read(int fd);
  bool serve_one(Connection& connection);  // false: nothing complete
  void flush(Connection& connection);
  void close(int fd);

  Handler handler_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  EventLoop loop_;
  std::unordered_map<int, Connection> connections_;
  std::thread thread_;
};

}  // namespace sluice::notify
