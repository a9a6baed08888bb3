// The operator's interface to a running UPF: a Unix socket that takes one request a line and
// answers each with a line, both JSON. Who may connect, the permissions of the socket say.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "mp2/line_connection.h"
#include "upf-dataplane/control/capture_sink.h"

namespace sluice::upf {

// Called on the loop's thread.
class CtlHandler {
 public:
  virtual ~CtlHandler() = default;
  // Answers {"command": …, …}; an error's text goes to the operator.
  virtual Result<nlohmann::json> answer(const nlohmann::json& request) = 0;
  // Begins what {"command": "capture", …} asks for, into `sink`; then end_capture() is called when
  // the operator goes before sink.finish() was.
  virtual Result<void> begin_capture(const nlohmann::json& request, CaptureSink& sink) = 0;
  virtual void end_capture() = 0;
};

class CtlServer {
 public:
  static constexpr size_t kMaxConnections = 16;
  static constexpr size_t kMaxLine = 1 << 20;

  // Binds the socket: the owner's (0600), or also a group's (0660). `loop` and `handler` must
  // outlive the server.
  static Result<std::unique_ptr<CtlServer>> listen(EventLoop& loop, std::string path,
                                                   const std::optional<std::string>& group,
                                                   CtlHandler& handler);
  CtlServer(const CtlServer&) = delete;
  CtlServer& operator=(const CtlServer&) = delete;
  ~CtlServer();  // removes the socket file

 private:
  class Connection;
  CtlServer(EventLoop& loop, std::string path, CtlHandler& handler, UniqueFd listener);
  void accept_one();
  void forget(const Connection* connection);
  // Ends a connection once everything that was sent has been read.
  void close_when_read(const Connection* connection);

  EventLoop& loop_;
  std::string path_;
  CtlHandler& handler_;
  UniqueFd listener_;
  std::list<std::unique_ptr<Connection>> connections_;
  TimerId closing_;
};

}  // namespace sluice::upf
