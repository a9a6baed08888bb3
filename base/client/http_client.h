// Requests to the HTTP APIs of Sluice, by libcurl: one connection that is kept, TLS as the operator
// configures it, bodies that need no place in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::client {

struct ServerOptions {
  std::string uri = {};          // scheme and authority
  std::string ca_file = {};      // who signs the server's certificate; empty: the system's
  std::string certificate = {};  // PEM, to show to the server; empty: none
  std::string key = {};          // PEM, of `certificate`
  bool plain_http = false;       // also to other hosts
  std::string unix_socket = {};  // path: instead of the host and port of `uri`
  std::string user_agent = "sluice";
  long connect_timeout_s = 10;
  long stall_timeout_s = 60;    // without any octet
  long longest_s = 0;           // of a whole request; 0: any
  size_t max_reply = 64 << 20;  // octets of a body in memory
};

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query: begins with "/"
  std::map<std::string, std::string> headers = {};
  std::string body = {};

  // Set: gives the body instead, `length` octets: the next ones, at most `most`; 0: it cannot.
  std::function<size_t(char* to, size_t most)> source = nullptr;
  uint64_t length = 0;
  // Set: takes the body of a reply of success; false: it cannot.
  std::function<bool(std::string_view bytes)> sink = nullptr;
  // Told now and then how many octets of the body have gone, or come; false ends the request.
  std::function<bool(uint64_t octets)> progress = nullptr;
};

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};
  bool ok() const { return status >= 200 && status < 300; }
  std::string header(const std::string& name) const;  // empty: not there
};

class HttpClient {
 public:
  // kInvalidArgument for a URI that is none, or one that would send secrets in the clear.
  static Result<HttpClient> open(ServerOptions options);
  HttpClient(HttpClient&&) noexcept;
  ~HttpClient();

  // The reply, whatever its status. kUnavailable when there is none: the server cannot be reached,
  // or the connection broke; kInternal where `source`, `sink` or `progress` ended it;
  // kInvalidArgument for a target that does not begin with "/", which might name another host.
  Result<HttpReply> send(const HttpRequest& request);

  const std::string& uri() const { return options_.uri; }

 private:
  struct Exchange;
  explicit HttpClient(ServerOptions options);
  void set_up(const HttpRequest& request);

  ServerOptions options_;
  struct Free {
    void operator()(void* easy) const;
  };
  std::unique_ptr<void, Free> easy_;
};

// `text` as part of a path or of a form.
std::string percent_encoded(std::string_view text);

}  // namespace sluice::client
