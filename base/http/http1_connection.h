// One server-side HTTP/1.1 connection without its socket: request bytes in, reply bytes out.
#pragma once

#include <optional>
#include <string>

#include "base/http/body_stream.h"
#include "base/http/http1_parser.h"
#include "base/http/server_connection.h"

namespace sluice::http {

// Appends the reply as it goes on the wire, of one with a source the header alone. Adds Date, and
// Content-Length unless the response brings its own (a reply to HEAD) or its status has no body;
// writes no body then.
void write_response(const Response& response, bool keep_alive, int minor_version, std::string& out);

// Replies come in the order of their requests, each complete before the next request is looked at,
// deferred ones included. After an error of the stream, or a request that ends the connection,
// nothing more is read.
class Http1Connection final : public ServerConnection {
 public:
  Http1Connection(const ParserLimits& limits, ConnectionHost host);

  void feed(std::string_view bytes) override;
  bool serve(std::string& out, size_t enough) override;
  void complete(uint32_t ticket, Response&& response) override;

  // 408 for a request that does not arrive, 503 for a reply that does not come; an idle connection
  // just ends.
  void time_out(std::string& out) override;
  void overload(bool strangers_only, std::string& out) override;
  void tick(TimePoint) override {}
  void go_away() override { going_away_ = true; }

  bool finished() const override { return finished_; }
  bool wants_input() const override { return !awaited_ && !sending_; }
  Stage stage() const override;
  size_t served() const override { return served_; }
  Held held() const override;
  size_t owed() const override {
    return awaited_ && awaited_->reply ? awaited_->reply->body.size() : 0;
  }
  uint64_t streamed() const override { return parser_.streamed(); }
  bool reading_body() const override { return parser_.stage() == Http1Parser::Stage::kBody; }

 private:
  // The request whose reply is deferred.
  struct Awaited {
    Method method;
    bool keep_alive;
    int minor_version;
    std::optional<Response> reply;
  };

  // The reply whose body is being sent.
  struct Sending {
    std::shared_ptr<BodySource> source;
    uint64_t left;  // octets
    bool keep_alive;
  };

  void admit(std::string& out);
  void send_more(std::string& out, size_t enough);
  void run(ParsedRequest parsed, std::string& out);
  void reply(const Response& response, bool keep_alive, int minor_version, std::string& out);
  void refuse(int status, std::string_view detail, std::string& out);

  Http1Parser parser_;
  const ConnectionHost host_;
  std::optional<Response> refusal_;  // of the request whose body is being thrown away
  bool known_ = false;               // whose body arrives: a client with an identity
  bool going_away_ = false;
  std::optional<Awaited> awaited_;
  std::optional<Sending> sending_;
  const size_t max_body_;
  bool finished_ = false;
  uint32_t requests_ = 0;  // handled; the last one's number is its ticket
  size_t served_ = 0;
};

}  // namespace sluice::http
