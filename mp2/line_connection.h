// A stream socket that carries lines, for both ends of Mp2.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace sluice::mp2 {

class LineConnection {
 public:
  struct Callbacks {
    // A line without its newline, valid during the call. An error closes the connection, with its
    // text as the reason. Must not destroy the connection.
    std::function<Result<void>(std::string_view line)> on_line;
    // The connection is dead; called once and last, may destroy it. Not called by the destructor.
    std::function<void(const std::string& reason)> on_close;
  };

  // `fd` is non-blocking and connected. A line longer than `max_line` bytes closes the connection,
  // and so does a peer that lets more than twice as much pile up unread.
  LineConnection(EventLoop& loop, UniqueFd fd, size_t max_line, Callbacks callbacks);
  LineConnection(const LineConnection&) = delete;
  LineConnection& operator=(const LineConnection&) = delete;
  ~LineConnection();

  // Sends at once what the socket takes and the rest as it empties. `line` has its newline. Failure
  // shows as on_close, never during this call.
  void send(std::string_view line);

  // Bytes that wait for the peer to read.
  size_t unsent() const { return out_.size() - sent_; }

 private:
  void on_events(uint32_t events);
  // These say why the connection is over, or nothing.
  Result<void> receive();
  Result<void> deliver_lines();
  Result<void> flush();
  void watch();

  EventLoop& loop_;
  UniqueFd fd_;
  const size_t max_line_;
  Callbacks callbacks_;
  std::string in_;
  size_t searched_ = 0;  // bytes of in_ known to hold no newline
  std::string out_;
  size_t sent_ = 0;  // bytes of out_ already gone
};

}  // namespace sluice::mp2
