// podman's REST service (libpod API, 4.0.0), asked over its Unix socket.
#pragma once

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/client/http_client.h"

namespace sluice::mepm {

class PodmanClient {
 public:
  static constexpr std::chrono::seconds kLongestCall{120};

  explicit PodmanClient(std::string socket) : socket_(std::move(socket)) {}

  // The reply to a request for `path` under /v4.0.0/libpod, of success or with one of `expected`
  // (0: none). kUnavailable when the service cannot be reached; else the error that its status
  // means, kInternal for 5xx, with which podman also refuses. May be called by several threads at a
  // time. `longest`: of the call, after which it is kUnavailable.
  Result<client::HttpReply> call(client::HttpRequest request, int expected = 0,
                                 std::chrono::seconds longest = kLongestCall) const;
  // Ends what is being called, within a second or so, and whatever is called later. From any
  // thread.
  void interrupt() { interrupted_ = true; }

  Result<nlohmann::json> get(const std::string& path) const;
  Result<nlohmann::json> post(const std::string& path, const nlohmann::json& body) const;

 private:
  const std::string socket_;
  std::atomic<bool> interrupted_ = false;
};

// Of JSON that may have any shape: that member where it is a text, else nothing.
std::string text_of(const nlohmann::json& object, const char* member);

// What a container wrote, of the frames in which the service sends it: a header of 8 octets, the
// last four of which say how many follow. What is cut off is left out.
std::string text_of_frames(std::string_view frames);

}  // namespace sluice::mepm
