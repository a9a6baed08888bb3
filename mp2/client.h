// The MEP's end of Mp2: connects to the UPF's socket and never gives up.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "mp2/line_connection.h"
#include "mp2/messages.h"

namespace sluice::mp2 {

// Called on the event loop's thread. After every connection on_hello comes first; then the others
// in any order; on_disconnect ends it, and what was sent but not confirmed by on_applied may or may
// not have been installed. The client must not be destroyed from within a callback.
class Mp2ClientHandler {
 public:
  virtual ~Mp2ClientHandler() = default;
  virtual void on_hello(const Hello& hello) = 0;
  // An error: the reply is none to what was sent. It ends the connection, as nobody knows any more
  // what is installed; the next hello tells.
  virtual Result<void> on_applied(const Applied& applied) = 0;
  virtual Result<void> on_refused(const Refused& refused) = 0;
  virtual void on_status(const Status& status) = 0;
  virtual void on_disconnect() = 0;
};

struct Mp2ClientConfig {
  std::string path;  // of the UPF's socket; may not exist yet
  size_t max_line = kDefaultMaxLine;
  // Between attempts; doubled up to the longest, started afresh by a connection that lasts. The
  // socket is local, so that trying often is cheap and a restarted UPF has its rules soon.
  std::chrono::milliseconds first_delay{10};
  std::chrono::milliseconds longest_delay{250};
};

class Mp2Client {
 public:
  // Starts connecting at once. `loop` and `handler` must outlive the client.
  Mp2Client(EventLoop& loop, Mp2ClientConfig config, Mp2ClientHandler& handler);
  Mp2Client(const Mp2Client&) = delete;
  Mp2Client& operator=(const Mp2Client&) = delete;
  ~Mp2Client();

  // Whether the UPF has said hello and not gone since.
  bool connected() const { return greeted_; }

  // Replace or Update; dropped when not connected, as the next on_hello starts afresh.
  // kResourceExhausted, and nothing is sent, when the line would exceed max_line: the UPF would
  // close the connection over it, again and again.
  Result<void> send(const Message& message);

  // Ends the connection, on_disconnect included, and connects anew. Not from within a callback.
  void disconnect(const std::string& reason);

 private:
  void try_connect();
  void retry_later();
  Result<void> on_line(std::string_view line);
  void on_close(const std::string& reason);

  EventLoop& loop_;
  Mp2ClientConfig config_;
  Mp2ClientHandler& handler_;
  std::unique_ptr<LineConnection> connection_;
  bool greeted_ = false;
  bool outage_logged_ = false;  // one line an outage, not one an attempt
  std::chrono::steady_clock::time_point connected_at_;
  std::chrono::milliseconds delay_;
  TimerId retry_;
};

}  // namespace sluice::mp2
