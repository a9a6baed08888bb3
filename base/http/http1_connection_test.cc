#include "base/http/http1_connection.h"

#include "base/http/pending_response.h"

namespace sluice::http {
namespace {

constexpr size_t kPlenty = 1 << 20;

Response echo(Request&& request) {
  if (request.target == "/late") return deferred(std::make_shared<PendingResponse>());
  Response response{200, {}, request.target + " " + request.body};
  response.headers.add("Content-Type", "text/plain");
  return response;
}

// Status lines and bodies of a reply stream; every reply must say its length.
std::vector<std::string> replies(std::string_view out) {
  std::vector<std::string> found;
  while (!out.empty()) {
    const auto end = out.find("\r\n\r\n");
    const auto header = out.substr(0, end);
    size_t length = 0;
    if (const auto at = header.find("Content-Length: "); at != std::string_view::npos) {
      length = std::stoul(std::string(header.substr(at + 16)));
    }
    found.push_back(std::string(header.substr(9, 3)) + " " +
                    std::string(out.substr(end + 4, length)));
    out.remove_prefix(end + 4 + length);
  }
  return found;
}

class Http1ConnectionTest : public ::testing::Test {
 protected:
  Http1ConnectionTest() : connection_(ParserLimits{}, host()) {}

  ConnectionHost host() {
    return {service_, "192.0.2.1:4000", false,
            [this](uint32_t ticket, std::shared_ptr<PendingResponse>) { deferred_ = ticket; }};
  }

  const Service service_{echo};
  uint32_t deferred_ = 0;  // the last ticket
  Http1Connection connection_;
  std::string out_;
};

TEST_F(Http1ConnectionTest, RepliesInTheOrderOfTheRequests) {
  connection_.feed(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
      "Content-Length: 1\r\n\r\naGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection_.serve(out_, kPlenty));
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("200 /1 ", "200 /2 a", "200 /3 "));
  EXPECT_EQ(connection_.served(), 3U);
  EXPECT_FALSE(connection_.finished());
}

TEST_F(Http1ConnectionTest, WaitsWithTheNextRequestUntilThereIsRoom) {
  connection_.feed("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(connection_.serve(out_, 1));
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("200 /1 "));
  out_.clear();
  EXPECT_FALSE(connection_.serve(out_, 1));
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("200 /2 "));
  out_.clear();
  EXPECT_TRUE(connection_.serve(out_, 1));
  EXPECT_TRUE(out_.empty());
}

TEST_F(Http1ConnectionTest, NothingIsServedAfterARequestThatEndsTheConnection) {
  connection_.feed(
      "GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  connection_.serve(out_, kPlenty);
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("200 /1 "));
  EXPECT_NE(out_.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(connection_.finished());
}

TEST_F(Http1ConnectionTest, AnErrorIsAnsweredAndEndsTheConnection) {
  connection_.feed("GET /1 HTTP/1.1\r\n\r\n");
  connection_.serve(out_, kPlenty);
  ASSERT_EQ(replies(out_).size(), 1U);
  EXPECT_EQ(replies(out_)[0].substr(0, 3), "400");
  EXPECT_NE(out_.find("application/problem+json"), std::string::npos);
  EXPECT_NE(out_.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(connection_.finished());
}

TEST_F(Http1ConnectionTest, AsksAWaitingClientToContinue) {
  connection_.feed(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  connection_.serve(out_, kPlenty);
  EXPECT_EQ(out_, "HTTP/1.1 100 Continue\r\n\r\n");
  connection_.feed("a");
  connection_.serve(out_, kPlenty);
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("100 ", "200 / a"));
}

TEST_F(Http1ConnectionTest, ALateRequestIsToldALateConnectionIsNot) {
  connection_.time_out(out_);
  EXPECT_TRUE(out_.empty());
  EXPECT_TRUE(connection_.finished());

  Http1Connection midway(ParserLimits{}, host());
  midway.feed("GET / HT");
  midway.serve(out_, kPlenty);
  midway.time_out(out_);
  EXPECT_EQ(replies(out_).at(0).substr(0, 3), "408");
  EXPECT_TRUE(midway.finished());
}

TEST_F(Http1ConnectionTest, ADeferredReplyComesBeforeThoseOfLaterRequests) {
  connection_.feed("GET /late HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection_.serve(out_, kPlenty));
  EXPECT_EQ(out_, "");
  EXPECT_FALSE(connection_.wants_input());
  EXPECT_EQ(connection_.stage(), ServerConnection::Stage::kAwaiting);
  connection_.complete(deferred_, Response{201, {}, "late"});
  connection_.serve(out_, kPlenty);
  EXPECT_THAT(replies(out_), ::testing::ElementsAre("201 late", "200 /2 "));
  EXPECT_TRUE(connection_.wants_input());
}

TEST_F(Http1ConnectionTest, ADeferredReplyKeepsWhatItsRequestSaidOfTheConnection) {
  connection_.feed("GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  connection_.serve(out_, kPlenty);
  connection_.complete(deferred_, Response{200, {}, "late"});
  connection_.serve(out_, kPlenty);
  EXPECT_THAT(out_, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(connection_.finished());
}

TEST_F(Http1ConnectionTest, ADeferredReplyThatDoesNotComeIsA503AndItsLaterComingIgnored) {
  connection_.feed("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  connection_.serve(out_, kPlenty);
  connection_.time_out(out_);
  EXPECT_EQ(replies(out_).at(0).substr(0, 3), "503");
  EXPECT_TRUE(connection_.finished());
  out_.clear();
  connection_.complete(deferred_, Response{200, {}, "late"});
  connection_.serve(out_, kPlenty);
  EXPECT_EQ(out_, "");
}

// What the admission lets pass: everything but /refused; Authorization makes a client known.
Admission admit(Request& request) {
  Admission admission;
  admission.known = request.headers.has("Authorization");
  admission.max_body = 10;
  if (request.target == "/refused") admission.refusal = Response::problem(401, "who are you?");
  return admission;
}

class AdmittingConnectionTest : public ::testing::Test {
 protected:
  std::string serve(std::string_view bytes) {
    std::string out;
    connection_.feed(bytes);
    connection_.serve(out, kPlenty);
    return out;
  }

  const Service service_{echo, admit};
  Http1Connection connection_{ParserLimits{}, {service_, "192.0.2.1:4000", false, {}}};
};

TEST_F(AdmittingConnectionTest, TheBodyOfARefusedRequestIsThrownAwayAndTheConnectionStays) {
  EXPECT_EQ(serve("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"), "");
  EXPECT_EQ(connection_.held().total(), 0U);
  EXPECT_EQ(replies(serve("defghi")).at(0).substr(0, 3), "401");
  EXPECT_THAT(replies(serve("GET /next HTTP/1.1\r\nHost: x\r\n\r\n")),
              ::testing::ElementsAre("200 /next "));
}

TEST_F(AdmittingConnectionTest, AClientThatWaitsToSendARefusedBodyIsToldAtOnce) {
  const auto out = serve(
      "POST /refused HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(replies(out).at(0).substr(0, 3), "401");
  EXPECT_TRUE(connection_.finished());
}

TEST_F(AdmittingConnectionTest, AnAdmissionMayLowerTheLimitOfTheBody) {
  const auto out = serve("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(replies(out).at(0).substr(0, 3), "413");
}

TEST_F(AdmittingConnectionTest, OverloadAsksStrangersToGoFirst) {
  serve("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_EQ(connection_.held().known, 3U);
  std::string out;
  connection_.overload(true, out);
  EXPECT_EQ(out, "");
  connection_.overload(false, out);
  EXPECT_EQ(replies(out).at(0).substr(0, 3), "503");
  EXPECT_THAT(out, ::testing::HasSubstr("Retry-After: 1\r\n"));
}

TEST_F(AdmittingConnectionTest, AServerThatGoesAwaySaysSoWithItsNextReply) {
  connection_.go_away();
  EXPECT_FALSE(connection_.finished());
  EXPECT_THAT(serve("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"),
              ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(connection_.finished());
}

struct RemoteCase {
  std::string behaviour;
  bool peer_is_proxy;
  std::vector<std::string> forwarded;
  std::string remote;
};

TEST(ConnectionHost, BelievesOnlyTrustedProxiesAboutTheClient) {
  const RemoteCase cases[] = {
      {"nobody", false, {"198.51.100.7"}, "192.0.2.1:4000"},
      {"a proxy that says nothing", true, {}, "192.0.2.1:4000"},
      {"a proxy", true, {"198.51.100.7"}, "198.51.100.7"},
      {"what the client says before it", true, {"10.0.0.1, 198.51.100.7 "}, "198.51.100.7"},
      {"several fields", true, {"10.0.0.1", "2001:db8::1"}, "2001:db8::1"},
      {"an empty one", true, {"10.0.0.1,"}, "192.0.2.1:4000"},
  };
  const Service service{echo};
  for (const auto& c : cases) {
    Request request;
    for (const auto& f : c.forwarded) request.headers.add("X-Forwarded-For", f);
    ConnectionHost{service, "192.0.2.1:4000", c.peer_is_proxy, {}}.identify(request);
    EXPECT_EQ(request.remote, c.remote) << c.behaviour;
  }
}

struct WriteCase {
  std::string behaviour;
  Response response;
  bool keep_alive;
  int minor_version;
  std::vector<std::string> has;
  std::vector<std::string> has_not;
};

TEST(WriteResponse, FramesEveryReply) {
  Response head{200, {}, ""};
  head.headers.add("Content-Length", "42");
  Response evil{200, {}, ""};
  evil.headers.add("Location", "/a\r\nSet-Cookie: b");
  const WriteCase cases[] = {
      {"a body with its length",
       {200, {}, "abc"},
       true,
       1,
       {"HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "\r\n\r\nabc", "Date: "},
       {"Connection"}},
      {"an empty body has a length", {200, {}, ""}, true, 1, {"Content-Length: 0\r\n"}, {}},
      {"204 has none", Response::no_content(), true, 1, {"204 No Content"}, {"Content-Length"}},
      {"304 has none", {304, {}, "x"}, true, 1, {}, {"Content-Length", "\r\n\r\nx"}},
      {"HEAD keeps the length of GET", head, true, 1, {"Content-Length: 42\r\n"}, {"Length: 0"}},
      {"closing is announced", {200, {}, ""}, false, 1, {"Connection: close\r\n"}, {}},
      {"keeping is announced to 1.0", {200, {}, ""}, true, 0, {"Connection: keep-alive\r\n"}, {}},
      {"line breaks cannot be smuggled in", evil, true, 1, {"Location: /a  Set-Cookie: b\r\n"}, {}},
  };
  for (const auto& c : cases) {
    std::string out;
    write_response(c.response, c.keep_alive, c.minor_version, out);
    for (const auto& part : c.has) EXPECT_THAT(out, ::testing::HasSubstr(part)) << c.behaviour;
    for (const auto& part : c.has_not) {
      EXPECT_THAT(out, ::testing::Not(::testing::HasSubstr(part))) << c.behaviour;
    }
  }
}

}  // namespace
}  // namespace sluice::http
