#include "base/http/http1_connection.h"

#include <fmt/format.h>

#include <ctime>

namespace sluice::http {
namespace {

// RFC 9110 §6.6.1; rendered once a second per thread.
const std::string& date() {
  thread_local std::time_t rendered_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != rendered_at) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    char buffer[40];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &utc));
    rendered_at = now;
  }
  return text;
}

// A line break in a value would let whoever chose the value write header fields of their own.
void append_value(std::string_view value, std::string& out) {
  for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

void write_response(const Response& response, bool keep_alive, int minor_version,
                    std::string& out) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), date());
  for (const auto& [name, value] : response.headers) {
    out.append(name).append(": ");
    append_value(value, out);
    out.append("\r\n");
  }
  const bool bodyless = has_no_body(response.status);
  const bool own_length = response.headers.has("Content-Length");
  if (!bodyless && !own_length) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.body.size());
  }
  if (!keep_alive) {
    out.append("Connection: close\r\n");
  } else if (minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!bodyless && !own_length) out.append(response.body);
}

Http1Connection::Http1Connection(const ParserLimits& limits, ConnectionHost host)
    : parser_(limits), host_(std::move(host)) {}

void Http1Connection::feed(std::string_view bytes) {
  if (!finished_) parser_.feed(bytes);
}

bool Http1Connection::serve(std::string& out, size_t enough) {
  while (!finished_) {
    if (out.size() >= enough) return false;
    if (awaited_) {
      if (!awaited_->reply) return true;
      const auto ready = std::move(*awaited_);
      awaited_.reset();
      reply(*ready.reply, ready.keep_alive, ready.minor_version, out);
      continue;
    }
    switch (parser_.next()) {
      case Http1Parser::Event::kNeedMore:
        return true;
      case Http1Parser::Event::kContinue:
        out.append("HTTP/1.1 100 Continue\r\n\r\n");
        break;
      case Http1Parser::Event::kError:
        refuse(parser_.error().status, parser_.error().detail, out);
        break;
      case Http1Parser::Event::kRequest:
        run(parser_.take(), out);
        break;
    }
  }
  return true;
}

void Http1Connection::run(ParsedRequest parsed, std::string& out) {
  parsed.request.remote = host_.remote;
  ++requests_;
  auto response = host_.handler(std::move(parsed.request));
  if (response.pending) {
    awaited_ = Awaited{parsed.keep_alive, parsed.minor_version, std::nullopt};
    host_.defer(requests_, std::move(response.pending));
  } else {
    reply(response, parsed.keep_alive, parsed.minor_version, out);
  }
}

void Http1Connection::complete(uint32_t ticket, Response&& response) {
  if (awaited_ && ticket == requests_) awaited_->reply = std::move(response);
}

void Http1Connection::reply(const Response& response, bool keep_alive, int minor_version,
                            std::string& out) {
  ++served_;
  write_response(response, keep_alive, minor_version, out);
  finished_ = !keep_alive;
}

ServerConnection::Stage Http1Connection::stage() const {
  if (awaited_) return Stage::kAwaiting;
  switch (parser_.stage()) {
    case Http1Parser::Stage::kIdle:
      return Stage::kIdle;
    case Http1Parser::Stage::kHeader:
      return Stage::kHeader;
    case Http1Parser::Stage::kBody:
      return Stage::kBody;
  }
  return Stage::kIdle;
}

void Http1Connection::time_out(std::string& out) {
  if (finished_) return;
  if (awaited_) {
    refuse(503, "the platform took too long to answer", out);
  } else if (parser_.stage() != Http1Parser::Stage::kIdle) {
    refuse(408, "the request took too long to arrive", out);
  }
  finished_ = true;
}

void Http1Connection::overload(std::string& out) {
  refuse(503, "too many requests are arriving at once", out);
}

void Http1Connection::refuse(int status, std::string_view detail, std::string& out) {
  write_response(Response::problem(status, detail), false, 1, out);
  parser_.discard();
  awaited_.reset();
  finished_ = true;
}

}  // namespace sluice::http
