#include "base/http/http1_connection.h"

#include <fmt/format.h>

#include "base/http/reply_fields.h"

namespace sluice::http {
namespace {

// Octets of a long reply that are always sent at a time, however short memory is.
constexpr size_t kPiece = 4096;

}  // namespace

void write_response(const Response& response, bool keep_alive, int minor_version,
                    std::string& out) {
  const auto content = response.content();
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), date_field());
  for (const auto& [name, value] : response.headers) {
    out.append(name).append(": ");
    append_field_value(value, out);
    out.append("\r\n");
  }
  const bool bodyless = is_bodyless(response.status);
  const bool own_length = response.headers.has("Content-Length");
  if (!bodyless && !own_length) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.length());
  }
  if (!keep_alive) {
    out.append("Connection: close\r\n");
  } else if (minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!bodyless && !own_length) out.append(content);
}

Http1Connection::Http1Connection(const ParserLimits& limits, ConnectionHost host)
    : parser_(limits), host_(std::move(host)), max_body_(limits.max_body) {}

void Http1Connection::feed(std::string_view bytes) {
  if (!finished_) parser_.feed(bytes);
}

bool Http1Connection::serve(std::string& out, size_t enough) {
  while (!finished_) {
    if (out.size() >= enough) return false;
    if (sending_) {
      send_more(out, enough);
      continue;
    }
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
      case Http1Parser::Event::kHeader:
        admit(out);
        break;
      case Http1Parser::Event::kContinue:
        out.append("HTTP/1.1 100 Continue\r\n\r\n");
        break;
      case Http1Parser::Event::kError:
        if (refusal_) {  // of a request whose body is longer than what is worth throwing away
          reply(*std::exchange(refusal_, std::nullopt), false, 1, out);
          parser_.discard();
          break;
        }
        refuse(parser_.error().status, parser_.error().detail, out);
        break;
      case Http1Parser::Event::kRequest:
        run(parser_.take(), out);
        break;
    }
  }
  return true;
}

// Asks before the body is read. A refused client that waits for "100 Continue" may or may not send
// the body after all: only closing makes clear what its next bytes are (RFC 9110 §10.1.1).
void Http1Connection::admit(std::string& out) {
  host_.identify(parser_.header());
  known_ = false;
  if (!host_.service.admit) return;
  auto admission = host_.service.admit(parser_.header());
  known_ = admission.known;
  parser_.limit_body(admission.max_body);
  if (!admission.refusal) {
    if (admission.consumer) parser_.stream_body(std::move(admission.consumer));
    return;
  }
  if (parser_.expects_continue() || parser_.declared_length().value_or(0) > max_body_) {
    reply(*admission.refusal, false, 1, out);
    parser_.discard();
    return;
  }
  parser_.discard_body();
  refusal_ = std::move(admission.refusal);
}

void Http1Connection::run(ParsedRequest parsed, std::string& out) {
  known_ = false;
  ++requests_;
  if (refusal_) {
    reply(*std::exchange(refusal_, std::nullopt), parsed.keep_alive, parsed.minor_version, out);
    return;
  }
  if (parsed.request.remote.empty()) host_.identify(parsed.request);
  const auto method = parsed.request.method;
  auto response = host_.handle(std::move(parsed.request));
  if (response.pending) {
    awaited_ = Awaited{method, parsed.keep_alive, parsed.minor_version, std::nullopt};
    host_.defer(requests_, std::move(response.pending));
  } else {
    reply(response, parsed.keep_alive, parsed.minor_version, out);
  }
}

void Http1Connection::complete(uint32_t ticket, Response&& response) {
  if (!awaited_ || ticket != requests_) return;
  host_.fit(response, awaited_->method);
  awaited_->reply = std::move(response);
}

void Http1Connection::reply(const Response& response, bool keep_alive, int minor_version,
                            std::string& out) {
  ++served_;
  keep_alive = keep_alive && !going_away_;
  write_response(response, keep_alive, minor_version, out);
  if (response.source && !is_bodyless(response.status)) {
    sending_ = Sending{response.source, response.source->size(), keep_alive};
  } else {
    finished_ = !keep_alive;
  }
}

// A source that fails leaves the client with less than was announced, which only the end of the
// connection can say.
void Http1Connection::send_more(std::string& out, size_t enough) {
  auto& [source, left, keep_alive] = *sending_;
  const size_t before = out.size();
  out.resize(std::max(enough, before + kPiece));
  const size_t room = static_cast<size_t>(std::min<uint64_t>(left, out.size() - before));
  const auto got = room > 0 ? source->read(out.data() + before, room) : Result<size_t>(0);
  out.resize(before + got.value_or(0));
  left -= got.value_or(0);
  if (got && left > 0 && *got > 0) return;
  finished_ = !keep_alive || left > 0;
  sending_.reset();
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

ServerConnection::Held Http1Connection::held() const {
  return known_ ? Held{parser_.held(), 0} : Held{0, parser_.held()};
}

void Http1Connection::overload(bool strangers_only, std::string& out) {
  if (!reading_body() || parser_.streaming() || (strangers_only && known_)) return;
  refuse(503, "too many requests are arriving at once", out);
}

void Http1Connection::refuse(int status, std::string_view detail, std::string& out) {
  write_response(transport_refusal(status, detail, Method::kGet), false, 1, out);
  parser_.discard();
  awaited_.reset();
  refusal_.reset();
  finished_ = true;
}

}  // namespace sluice::http
