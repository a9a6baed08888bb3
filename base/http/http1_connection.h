// One server-side HTTP/1.1 connection without its socket: request bytes in, reply bytes out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/http/http1_parser.h"
#include "base/http/message.h"

namespace sluice::http {

using RequestHandler = std::function<Response(Request&&)>;

// Appends the reply as it goes on the wire. Adds Date, and Content-Length unless the response
// brings its own (a reply to HEAD) or its status has no body; writes no body then.
void write_response(const Response& response, bool keep_alive, int minor_version, std::string& out);

// Replies come in the order of their requests, each complete before the next request is looked at.
// After an error of the stream, or a request that ends the connection, nothing more is read.
class Http1Connection {
 public:
  // `handler` must outlive the connection and must not throw. `remote` goes into Request::remote.
  Http1Connection(const ParserLimits& limits, const RequestHandler& handler, std::string remote);

  void feed(std::string_view bytes);

  // Serves what has been fed until nothing complete is left or `out` has grown to `enough` octets.
  // False in the latter case: call again when there is room.
  bool serve(std::string& out, size_t enough);

  // Answers 408 and ends the connection, unless it is idle: then it just ends.
  void time_out(std::string& out);

  // Answers 503 and ends the connection: there is no memory for the body that arrives.
  void overload(std::string& out);

  // The last reply is out (or there will be none): close once it is sent.
  bool finished() const { return finished_; }
  Http1Parser::Stage stage() const { return parser_.stage(); }
  size_t served() const { return served_; }       // requests so far
  size_t held() const { return parser_.held(); }  // octets of an incomplete request

 private:
  void refuse(int status, std::string_view detail, std::string& out);

  Http1Parser parser_;
  const RequestHandler& handler_;
  std::string remote_;
  bool finished_ = false;
  size_t served_ = 0;
};

}  // namespace sluice::http
