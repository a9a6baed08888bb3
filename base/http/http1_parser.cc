#include "base/http/http1_parser.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <optional>

#include "base/http/problem.h"

namespace sluice::http {
namespace {

namespace beast = boost::beast::http;
using Event = Http1Parser::Event;

constexpr size_t kMaxMethod = 24;           // octets; no method in use comes near
constexpr size_t kMaxChunkOverhead = 4096;  // a chunk's size line, or the trailer
constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::string_view kEndOfHeader = "\r\n\r\n";

bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Whether a request line can begin like this: tells garbage from HTTP before a line is complete.
bool begins_with_method(std::string_view line) {
  const auto method = line.substr(0, std::min(line.find(' '), line.find('\r')));
  return method.size() <= kMaxMethod && std::ranges::all_of(method, is_token_char);
}

bool is_decimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_token_char(c) || std::string_view(":[],;=()").find(c) != std::string_view::npos;
  });
}

std::optional<ParseError> bad(std::string detail) { return ParseError{400, std::move(detail)}; }

ParseError too_large() { return {413, "the body is larger than the platform takes here"}; }

ParseError to_error(const boost::system::error_code& code) {
  if (code == beast::error::body_limit) return too_large();
  if (code == beast::error::header_limit) return {431, "the header is too large"};
  return {400, "not an HTTP request: " + code.message()};
}

// "GET / HTTP/2.0": a request, in a version of HTTP that is none of ours.
bool is_of_another_version(std::string_view header) {
  const auto line = header.substr(0, header.find(kEndOfLine));
  return std::ranges::count(line, ' ') == 2 && line.substr(line.rfind(' ')).starts_with(" HTTP/");
}

// Octets that have arrived, in a string that never reserves what is only promised.
struct ArrivedBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool kIsRequest, typename Fields>
    reader(beast::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>& /*length*/, boost::system::error_code& code) {
      code = {};
    }
    template <typename Buffers>
    size_t put(const Buffers& buffers, boost::system::error_code& code) {
      code = {};
      size_t size = 0;
      for (auto i = boost::asio::buffer_sequence_begin(buffers);
           i != boost::asio::buffer_sequence_end(buffers); ++i) {
        const boost::asio::const_buffer piece = *i;
        body_.append(static_cast<const char*>(piece.data()), piece.size());
        size += piece.size();
      }
      return size;
    }
    void finish(boost::system::error_code& code) { code = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace

struct Http1Parser::State {
  using Parser = beast::request_parser<ArrivedBody>;

  explicit State(const ParserLimits& l) : limits(l) {}

  std::string_view pending() const { return std::string_view(buffer).substr(consumed); }
  void consume(size_t n) { consumed += n; }
  Event fail(ParseError why) {
    failure = std::move(why);
    return Event::kError;
  }

  Event read_header();
  Event begin_body(std::string_view header);
  Event read_body();
  std::optional<ParseError> pass_on();
  std::optional<ParseError> check_header() const;
  std::optional<ParseError> check_framing() const;
  void copy_header();

  const ParserLimits limits;
  std::string buffer;  // bytes fed; those before `consumed` are done with
  size_t consumed = 0;
  size_t scanned = 0;            // of pending(): searched for the end of the header without success
  std::optional<Parser> parser;  // engaged while in the body
  ParsedRequest parsed;
  bool continue_expected = false;
  size_t max_body = 0;                     // of the body that arrives
  bool discard = false;                    // it
  std::shared_ptr<BodyConsumer> consumer;  // of it
  size_t discarded = 0;                    // octets of it
  uint64_t streamed = 0;                   // octets of all bodies
  std::optional<ParseError> failure;
};

Http1Parser::Http1Parser(const ParserLimits& limits) : state_(std::make_unique<State>(limits)) {}
Http1Parser::Http1Parser(Http1Parser&&) noexcept = default;
Http1Parser::~Http1Parser() = default;

void Http1Parser::feed(std::string_view bytes) {
  auto& s = *state_;
  if (s.failure) return;
  s.buffer.erase(0, s.consumed);
  s.consumed = 0;
  s.buffer.append(bytes);
}

Event Http1Parser::next() {
  if (state_->failure) return Event::kError;
  return state_->parser ? state_->read_body() : state_->read_header();
}

ParsedRequest Http1Parser::take() { return std::exchange(state_->parsed, ParsedRequest()); }

Request& Http1Parser::header() { return state_->parsed.request; }

bool Http1Parser::expects_continue() const { return state_->continue_expected; }

void Http1Parser::limit_body(size_t octets) {
  state_->max_body = std::min(octets, state_->limits.max_body);
}

void Http1Parser::discard_body() { state_->discard = true; }

void Http1Parser::stream_body(std::shared_ptr<BodyConsumer> consumer) {
  state_->consumer = std::move(consumer);
}

std::optional<uint64_t> Http1Parser::declared_length() const {
  const auto length = state_->parser ? state_->parser->content_length() : boost::none;
  return length ? std::optional<uint64_t>(*length) : std::nullopt;
}

bool Http1Parser::streaming() const { return state_->consumer != nullptr; }

uint64_t Http1Parser::streamed() const { return state_->streamed; }

const ParseError& Http1Parser::error() const { return *state_->failure; }

Http1Parser::Stage Http1Parser::stage() const {
  if (state_->parser) return Stage::kBody;
  return state_->pending().empty() ? Stage::kIdle : Stage::kHeader;
}

size_t Http1Parser::held() const {
  return state_->pending().size() + (state_->parser ? state_->parser->get().body().size() : 0);
}

void Http1Parser::discard() {
  state_->buffer = {};
  state_->consumed = 0;
  state_->parser.reset();
  state_->consumer.reset();
}

// Waits until the whole header is there: only then can it be checked as a whole, and parsing it in
// one go costs the same however slowly it came.
Event Http1Parser::State::read_header() {
  if (scanned == 0) {  // RFC 9112 §2.2: empty lines before a request are ignored
    while (pending().starts_with(kEndOfLine)) consume(kEndOfLine.size());
  }
  const auto bytes = pending();
  if (bytes.empty() || bytes == "\r") return Event::kNeedMore;
  if (!begins_with_method(bytes)) return fail({400, "not an HTTP request"});

  // What may turn out to be the beginning of a terminator does not count, so that the verdict is
  // the same however the bytes were split.
  const size_t line_end = bytes.find(kEndOfLine);
  const bool line_complete = line_end != std::string_view::npos;
  const size_t line_size =
      line_complete ? line_end : bytes.size() - (bytes.ends_with('\r') ? 1 : 0);
  if (line_size > limits.max_request_line) return fail({414, "the request line is too long"});
  const size_t end = bytes.find(kEndOfHeader, scanned);
  const size_t header_end =
      end != std::string_view::npos
          ? end
          : std::max(line_size, bytes.size() - std::min(bytes.size(), kEndOfHeader.size() - 1));
  if (line_complete && header_end - line_end > limits.max_header) {
    return fail({431, "the header is too large"});
  }
  if (end == std::string_view::npos) {
    scanned = bytes.size() - std::min(bytes.size(), kEndOfHeader.size() - 1);
    return Event::kNeedMore;
  }
  scanned = 0;
  return begin_body(bytes.substr(0, end + kEndOfHeader.size()));
}

Event Http1Parser::State::begin_body(std::string_view header) {
  // A line that continues the one before (obs-fold, RFC 9112 §5.2) must be refused by servers.
  if (header.find("\r\n ") != std::string_view::npos ||
      header.find("\r\n\t") != std::string_view::npos) {
    return fail({400, "header fields must not be folded"});
  }
  parser.emplace();
  parser->header_limit(static_cast<uint32_t>(header.size() + 1));
  parser->body_limit(std::max<uint64_t>(limits.max_body, limits.max_streamed_body));
  boost::system::error_code code;
  parser->put(boost::asio::buffer(header.data(), header.size()), code);
  if (code == beast::error::bad_version && is_of_another_version(header)) {
    return fail({505, "only HTTP/1.1 and HTTP/1.0 are spoken here"});
  }
  if (code && code != beast::error::need_more) return fail(to_error(code));
  consume(header.size());
  if (auto why = check_header()) return fail(std::move(*why));
  copy_header();
  max_body = limits.max_body;
  discard = false;
  discarded = 0;
  consumer.reset();
  return parser->is_done() ? read_body() : Event::kHeader;
}

std::optional<ParseError> Http1Parser::State::check_header() const {
  const auto& message = parser->get();
  if (static_cast<size_t>(std::distance(message.begin(), message.end())) >
      limits.max_header_fields) {
    return ParseError{431, "too many header fields"};
  }
  const auto hosts = message.count(beast::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) {
    return bad("exactly one Host is required");  // RFC 9112 §3.2
  }
  if (hosts == 1 && !is_host(message[beast::field::host])) return bad("malformed Host");
  if (auto why = check_framing()) return why;
  if (message.count(beast::field::expect) > 0 &&
      !equal_ignoring_case(message[beast::field::expect], "100-continue")) {
    return ParseError{417, "the only expectation met here is 100-continue"};
  }
  if (!parse_method(message.method_string()))
    return ParseError{405, "no resource here knows this method"};
  return std::nullopt;
}

// RFC 9112 §6.3: what leaves room for two readings of where the body ends is refused.
std::optional<ParseError> Http1Parser::State::check_framing() const {
  const auto& message = parser->get();
  const auto lengths = message.count(beast::field::content_length);
  const auto codings = message.count(beast::field::transfer_encoding);
  if (lengths > 1 || (lengths == 1 && !is_decimal(message[beast::field::content_length]))) {
    return bad("Content-Length must be one decimal number");
  }
  if (codings == 0) return std::nullopt;
  if (lengths > 0) return bad("Content-Length and Transfer-Encoding exclude each other");
  if (message.version() == 10) return bad("HTTP/1.0 has no Transfer-Encoding");
  if (codings > 1 || !equal_ignoring_case(message[beast::field::transfer_encoding], "chunked")) {
    return ParseError{501, "the only Transfer-Encoding read here is chunked"};
  }
  return std::nullopt;
}

// Taken before the body, so that fields of a chunked body's trailer never pose as header fields.
void Http1Parser::State::copy_header() {
  const auto& message = parser->get();
  parsed = {};
  parsed.request.method = *parse_method(message.method_string());
  parsed.request.target = message.target();
  for (const auto& field : message) {
    parsed.request.headers.add(field.name_string(), field.value());
  }
  parsed.keep_alive = message.keep_alive();
  parsed.minor_version = message.version() == 10 ? 0 : 1;
  continue_expected = message.version() == 11 && message.count(beast::field::expect) > 0;
}

// What has arrived of a body that is not kept.
std::optional<ParseError> Http1Parser::State::pass_on() {
  auto& body = parser->get().body();
  if (body.empty()) return std::nullopt;
  std::optional<ParseError> why;
  if (discard) {
    discarded += body.size();
    if (discarded > limits.max_body) why = too_large();
  } else if (auto ok = consumer->take(body); !ok) {
    why = ParseError{status_of(ok.error().code), ok.error().to_string()};
  } else {
    streamed += body.size();
  }
  body.clear();
  return why;
}

Event Http1Parser::State::read_body() {
  const uint64_t most = consumer ? limits.max_streamed_body : max_body;
  if (const auto length = parser->content_length(); length && *length > most && !discard) {
    return fail(too_large());
  }
  // Beast takes for granted that the end of a chunked body, "0" and two line breaks, comes whole.
  const size_t least = parser->chunked() ? 5 : 1;
  while (!parser->is_done() && pending().size() >= least) {
    const auto bytes = pending();
    boost::system::error_code code;
    const size_t used = parser->put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    consume(used);
    if (code == beast::error::need_more) {
      if (pending().size() > kMaxChunkOverhead) return fail({400, "malformed chunked body"});
      break;
    }
    if (code) return fail(to_error(code));
    if (discard || consumer) {
      if (auto why = pass_on()) return fail(std::move(*why));
    } else if (parser->get().body().size() > max_body) {
      return fail(too_large());
    }
  }
  if (!parser->is_done()) {
    if (!std::exchange(continue_expected, false)) return Event::kNeedMore;
    // No need to ask for what has begun to arrive (RFC 9110 §10.1.1).
    return pending().empty() && parser->get().body().empty() ? Event::kContinue : Event::kNeedMore;
  }
  parsed.request.body = std::move(parser->get().body());
  parsed.request.consumer = std::exchange(consumer, nullptr);
  parser.reset();
  return Event::kRequest;
}

}  // namespace sluice::http
