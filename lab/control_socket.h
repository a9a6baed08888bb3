// How people and tests speak to a running sluice-lab: one JSON object a line over a Unix socket,
// one line back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace sluice::lab {

// Belongs to its loop's thread; the loop must outlive it. The socket's file is made for its owner
// alone and removed at the end.
class ControlServer {
 public:
  // From a request to its reply; an error becomes {"error": "..."}.
  using Handler = std::function<Result<nlohmann::json>(const nlohmann::json&)>;
  static constexpr size_t kMaxLine = 64 * 1024;  // octets; a client that sends more is cut off
  static constexpr size_t kMaxClients = 64;

  static Result<std::unique_ptr<ControlServer>> open(EventLoop& loop, const std::string& path,
                                                     Handler handler);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

 private:
  struct Client {
    UniqueFd fd;
    std::string received;
  };

  ControlServer(EventLoop& loop, std::string path, Handler handler, UniqueFd listener);
  void accept_client();
  void serve(int fd);
  std::string reply_to(const std::string& line) const;
  void drop(int fd);

  EventLoop& loop_;
  std::string path_;
  Handler handler_;
  UniqueFd listener_;
  std::map<int, Client> clients_;
};

// The client's side: sends one request and waits for the reply.
Result<nlohmann::json> ask(const std::string& path, const nlohmann::json& request);

}  // namespace sluice::lab
