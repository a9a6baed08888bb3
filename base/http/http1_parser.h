// HTTP/1.1 requests out of a stream of bytes (RFC 9112), without sockets. Strict where leniency
// lets two parsers on the way disagree about where a request ends (request smuggling), bounded
// everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/body_stream.h"
#include "base/http/message.h"
#include "base/http/transport_limits.h"

namespace sluice::http {

struct ParsedRequest {
  Request request;         // method, target, headers, body
  bool keep_alive = true;  // whether the client wants the connection to stay (RFC 9112 §9.3)
  int minor_version = 1;   // of HTTP/1.x
};

// Why the stream cannot be read on: the reply to send before closing.
struct ParseError {
  int status = 400;
  std::string detail;
};

class Http1Parser {
 public:
  enum class Event {
    kNeedMore,  // feed() more bytes
    kHeader,    // the header is there, header(), and a body follows
    kContinue,  // the client waits for "100 Continue" before it sends the body
    kRequest,   // a request is complete: take()
    kError,     // the stream is unusable from here on: error()
  };
  // Where in a request the stream is, for timeouts.
  enum class Stage { kIdle, kHeader, kBody };

  explicit Http1Parser(const ParserLimits& limits);
  Http1Parser(Http1Parser&&) noexcept;
  ~Http1Parser();

  void feed(std::string_view bytes);
  // The next event in the bytes fed so far; pipelined requests come one after the other. What the
  // events are does not depend on how the bytes were split over feed() calls, kContinue excepted.
  Event next();

  // After kHeader:
  Request& header();               // the request without its body
  bool expects_continue() const;   // the client may be waiting before it sends the body
  void limit_body(size_t octets);  // instead of ParserLimits::max_body, if lower
  void discard_body();             // throws it away as it comes
  // Hands it over as it comes, at most ParserLimits::max_streamed_body octets. The request has the
  // consumer in the end.
  void stream_body(std::shared_ptr<BodyConsumer> consumer);
  std::optional<uint64_t> declared_length() const;  // none: it is chunked

  ParsedRequest take();             // after kRequest, once
  const ParseError& error() const;  // after kError
  Stage stage() const;
  bool streaming() const;     // a consumer takes the body that arrives
  uint64_t streamed() const;  // octets that consumers have taken so far
  size_t held() const;        // octets in memory of what is not complete
  // Frees them; for use after the last event.
  void discard();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::http
