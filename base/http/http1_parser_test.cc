#include "base/http/http1_parser.h"

#include <fmt/format.h>

namespace sluice::http {
namespace {

using Event = Http1Parser::Event;

// What a parser makes of a stream: one line a request, "METHOD target [body]", then the status of
// the error if there was one.
std::vector<std::string> read(std::string_view stream, size_t piece,
                              const ParserLimits& limits = {}) {
  std::vector<std::string> out;
  Http1Parser parser(limits);
  while (true) {
    const auto event = parser.next();
    if (event == Event::kRequest) {
      const auto parsed = parser.take();
      out.push_back(fmt::format("{} {} [{}]{}", to_string(parsed.request.method),
                                parsed.request.target, parsed.request.body,
                                parsed.keep_alive ? "" : " close"));
    } else if (event == Event::kError) {
      out.push_back(std::to_string(parser.error().status));
      return out;
    } else if (event == Event::kNeedMore) {
      if (stream.empty()) return out;
      const auto next = stream.substr(0, piece);
      stream.remove_prefix(next.size());
      parser.feed(next);
    }
  }
}

struct StreamCase {
  std::string behaviour;
  std::string stream;
  std::vector<std::string> expected;
};

constexpr const char* kHost = "Host: x\r\n";

std::string get(const std::string& fields) { return "GET /a HTTP/1.1\r\n" + fields + "\r\n"; }
std::string post(const std::string& fields, const std::string& body) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

const std::vector<StreamCase> kStreams = {
    {"a request", get(kHost), {"GET /a []"}},
    {"empty lines before it", "\r\n\r\n" + get(kHost), {"GET /a []"}},
    {"a body by length", post("Content-Length: 3\r\n", "abc"), {"POST /a [abc]"}},
    {"an empty body", post("Content-Length: 0\r\n", ""), {"POST /a []"}},
    {"no body", post("", ""), {"POST /a []"}},
    {"a chunked body",
     post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"),
     {"POST /a [abc]"}},
    {"an empty chunked body", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), {"POST /a []"}},
    {"a trailer is not a header",
     post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nHost: evil\r\n\r\n") + get(kHost),
     {"POST /a [a]", "GET /a []"}},
    {"pipelined requests",
     post("Content-Length: 1\r\n", "a") + get(kHost) + get(kHost),
     {"POST /a [a]", "GET /a []", "GET /a []"}},
    {"1.1 asks to close", get("Host: x\r\nConnection: close\r\n"), {"GET /a [] close"}},
    {"1.0 closes", "GET /a HTTP/1.0\r\n\r\n", {"GET /a [] close"}},
    {"1.0 asks to keep", "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", {"GET /a []"}},
    {"absolute form", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", {"GET http://x/a []"}},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {"OPTIONS * []"}},
    {"an expectation we meet",
     post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a"),
     {"POST /a [a]"}},
    {"an IPv6 host", get("Host: [2001:db8::1]:80\r\n"), {"GET /a []"}},

    {"no Host", get(""), {"400"}},
    {"two Hosts", get("Host: x\r\nHost: x\r\n"), {"400"}},
    {"a Host with a path", get("Host: x/y\r\n"), {"400"}},
    {"two lengths, equal", post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), {"400"}},
    {"two lengths, different", post("Content-Length: 1\r\nContent-Length: 2\r\n", "a"), {"400"}},
    {"a list of lengths", post("Content-Length: 1, 1\r\n", "a"), {"400"}},
    {"a signed length", post("Content-Length: +1\r\n", "a"), {"400"}},
    {"a negative length", post("Content-Length: -1\r\n", "a"), {"400"}},
    {"a hexadecimal length", post("Content-Length: 0x1\r\n", "a"), {"400"}},
    {"a length beyond 64 bits", post("Content-Length: 99999999999999999999\r\n", ""), {"400"}},
    {"length and chunked",
     post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
     {"400"}},
    {"chunked and length",
     post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"),
     {"400"}},
    {"an unknown coding", post("Transfer-Encoding: gzip, chunked\r\n", ""), {"501"}},
    {"chunked twice",
     post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
     {"400"}},
    {"chunked in 1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", {"400"}},
    {"a malformed chunk", post("Transfer-Encoding: chunked\r\n", "zzzz\r\n"), {"400"}},
    {"a chunk longer than it says",
     post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
     {"400"}},
    {"a folded field", get("Host: x\r\nA: b\r\n c\r\n"), {"400"}},
    {"a field folded by a tab", get("Host: x\r\nA: b\r\n\tc\r\n"), {"400"}},
    {"a space before the colon", get("Host: x\r\nA : b\r\n"), {"400"}},
    {"a field without a colon", get("Host: x\r\nA\r\n"), {"400"}},
    {"a control character in a value", get(std::string("Host: x\r\nA: b\0c\r\n", 17)), {"400"}},
    {"a bare CR in a value", get("Host: x\r\nA: b\rc\r\n"), {"400"}},
    {"a bad method", "G@T /a HTTP/1.1\r\nHost: x\r\n\r\n", {"400"}},
    {"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", {"400"}},
    {"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", {"400"}},
    {"a method nobody knows", "BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", {"405"}},
    {"HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"505"}},
    {"HTTP/3", "GET /a HTTP/3.0\r\nHost: x\r\n\r\n", {"505"}},
    {"HTTP/0.9", "GET /a\r\n\r\n", {"400"}},
    {"an expectation we do not meet", post("Expect: miracles\r\n", ""), {"417"}},
    {"a TLS client hello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), {"400"}},
    {"garbage", "\x80\xff\xfe garbage", {"400"}},
    {"an error ends what follows", get("") + get(kHost), {"400"}},
};

TEST(Http1Parser, ReadsAStreamTheSameHoweverItIsSplit) {
  for (const auto& c : kStreams) {
    for (const size_t piece : {c.stream.size(), size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
      EXPECT_EQ(read(c.stream, piece), c.expected) << c.behaviour << " in pieces of " << piece;
    }
  }
}

struct LimitCase {
  std::string behaviour;
  std::string stream;
  std::string expected;
};

TEST(Http1Parser, KeepsItsLimitsToTheOctet) {
  ParserLimits limits;
  limits.max_request_line = 40;
  limits.max_header = 60;
  limits.max_header_fields = 3;
  limits.max_body = 10;
  const auto line = [](size_t size) {  // a request line of that many octets
    return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  };
  const auto header = [](size_t size) {  // fields of that many octets, line breaks included
    return "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(size - 14, 'b') + "\r\n\r\n";
  };
  const auto chunks = [](int n) {
    std::string body;
    for (int i = 0; i < n; ++i) body += "1\r\nx\r\n";
    return post("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n");
  };
  const LimitCase cases[] = {
      {"longest line", line(40), "GET"},
      {"line too long", line(41), "414"},
      {"endless line", "GET /" + std::string(100'000, 'a'), "414"},
      {"endless method", std::string(100'000, 'A'), "400"},
      {"largest header", header(60), "GET"},
      {"header too large", header(63), "431"},
      {"endless header", "GET / HTTP/1.1\r\nA: " + std::string(100'000, 'b'), "431"},
      {"most fields", get("Host: x\r\nA: b\r\nC: d\r\n"), "GET"},
      {"too many fields", get("Host: x\r\nA: b\r\nC: d\r\nE: f\r\n"), "431"},
      {"largest body", post("Content-Length: 10\r\n", "0123456789"), "POST"},
      {"body too large", post("Content-Length: 11\r\n", "0123456789a"), "413"},
      {"announced body too large", post("Content-Length: 11\r\n", ""), "413"},
      {"largest chunked body", chunks(10), "POST"},
      {"chunked body too large", chunks(11), "413"},
      {"chunk announced too large", post("Transfer-Encoding: chunked\r\n", "ffffffff\r\n"), "413"},
  };
  for (const auto& c : cases) {
    for (const size_t piece : {c.stream.size(), size_t{1}}) {
      const auto got = read(c.stream, piece, limits);
      ASSERT_EQ(got.size(), 1U) << c.behaviour;
      EXPECT_EQ(got.front().substr(0, c.expected.size()), c.expected)
          << c.behaviour << " in pieces of " << piece;
    }
  }
}

TEST(Http1Parser, BoundsWhatAChunkedBodyCarriesBesideItsData) {
  const auto endless = std::string(100'000, 'x');
  for (const auto& body : {"1;" + endless, "0\r\nA: " + endless}) {
    for (const size_t piece : {size_t{100'000}, size_t{1000}}) {
      EXPECT_EQ(read(post("Transfer-Encoding: chunked\r\n", body), piece),
                std::vector<std::string>{"400"});
    }
  }
}

TEST(Http1Parser, AsksForTheBodyOfAClientThatWaits) {
  Http1Parser parser(ParserLimits{});
  parser.feed(post("Expect: 100-continue\r\nContent-Length: 1\r\n", ""));
  EXPECT_EQ(parser.next(), Event::kHeader);
  EXPECT_EQ(parser.next(), Event::kContinue);
  EXPECT_EQ(parser.next(), Event::kNeedMore);
  parser.feed("a");
  EXPECT_EQ(parser.next(), Event::kRequest);
  EXPECT_EQ(parser.take().request.body, "a");
}

TEST(Http1Parser, NeverAsksForABodyItWouldRefuse) {
  ParserLimits limits;
  limits.max_body = 10;
  Http1Parser parser(limits);
  parser.feed(post("Expect: 100-continue\r\nContent-Length: 11\r\n", ""));
  EXPECT_EQ(parser.next(), Event::kError);
  EXPECT_EQ(parser.error().status, 413);
}

TEST(Http1Parser, ALowerLimitForOneBodyHoldsForThatBodyAlone) {
  for (const bool chunked : {false, true}) {
    for (const size_t limit : {4U, 5U}) {
      Http1Parser parser(ParserLimits{});
      parser.feed(chunked ? post("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n0\r\n\r\n")
                          : post("Content-Length: 5\r\n", "abcde"));
      ASSERT_EQ(parser.next(), Event::kHeader);
      EXPECT_EQ(parser.header().headers.get("Host"), "x");
      parser.limit_body(limit);
      EXPECT_EQ(parser.next(), limit < 5 ? Event::kError : Event::kRequest);
      if (limit < 5) {
        EXPECT_EQ(parser.error().status, 413);
        continue;
      }
      parser.feed(post("Content-Length: 6\r\n", "abcdef"));
      EXPECT_EQ(parser.next(), Event::kHeader);
      EXPECT_EQ(parser.next(), Event::kRequest);
    }
  }
}

TEST(Http1Parser, ADiscardedBodyTakesNoMemoryAndTheNextRequestFollows) {
  ParserLimits limits;
  limits.max_body = 1'000'000;
  Http1Parser parser(limits);
  parser.feed(post("Content-Length: 500000\r\n", ""));
  ASSERT_EQ(parser.next(), Event::kHeader);
  parser.discard_body();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(parser.next(), Event::kNeedMore);
    EXPECT_EQ(parser.held(), 0U);
    parser.feed(std::string(100'000, 'b'));
  }
  EXPECT_EQ(parser.next(), Event::kRequest);
  EXPECT_EQ(parser.take().request.body, "");
  parser.feed(post("Content-Length: 1\r\n", "a"));
  EXPECT_EQ(parser.next(), Event::kHeader);
  EXPECT_EQ(parser.next(), Event::kRequest);
  EXPECT_EQ(parser.take().request.body, "a");
}

TEST(Http1Parser, TellsWhereInARequestTheStreamIs) {
  using Stage = Http1Parser::Stage;
  Http1Parser parser(ParserLimits{});
  EXPECT_EQ(parser.stage(), Stage::kIdle);
  parser.feed("POST / HT");
  EXPECT_EQ(parser.next(), Event::kNeedMore);
  EXPECT_EQ(parser.stage(), Stage::kHeader);
  parser.feed("TP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  EXPECT_EQ(parser.next(), Event::kHeader);
  EXPECT_EQ(parser.next(), Event::kNeedMore);
  EXPECT_EQ(parser.stage(), Stage::kBody);
  parser.feed("b");
  EXPECT_EQ(parser.next(), Event::kRequest);
  EXPECT_EQ(parser.stage(), Stage::kIdle);
}

TEST(Http1Parser, KeepsHeaderFieldsInOrderWithTheirCase) {
  Http1Parser parser(ParserLimits{});
  parser.feed(get("Host: x\r\nX-B:  two \r\nx-b: three\r\nA: \r\n"));
  ASSERT_EQ(parser.next(), Event::kRequest);
  const auto request = parser.take().request;
  EXPECT_EQ(request.headers.joined("x-B"), "two, three");
  EXPECT_EQ(request.headers.get("a"), "");
  EXPECT_EQ(request.headers.count("X-B"), 2U);
}

}  // namespace
}  // namespace sluice::http
