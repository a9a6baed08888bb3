#include "base/http/http2_connection.h"

#include "base/http/http2_test_client.h"
#include "base/http/pending_response.h"

namespace sluice::http {
namespace {

using Client = Http2TestClient;
using namespace std::chrono_literals;

constexpr size_t kAll = static_cast<size_t>(-1);

// A client and the server's end, joined.
class Http2ConnectionTest : public ::testing::Test {
 protected:
  Http2ConnectionTest() {
    limits_.parser.max_body = 2'000'000;
    service_.handle = [this](Request&& request) { return handle(std::move(request)); };
    service_.admit = [this](Request& request) {
      Admission admission;
      admission.known = request.headers.has("authorization");
      if (request.target == "/refused") admission.refusal = Response::problem(401, "who are you?");
      ++admitted_;
      return admission;
    };
  }

  Response handle(Request&& request) {
    if (request.target == "/late") return deferred(std::make_shared<PendingResponse>());
    if (request.target == "/throw") throw std::runtime_error("handlers should not");
    if (request.target.starts_with("/large/")) {
      return Response{200, {}, std::string(std::stoul(request.target.substr(7)), 'x')};
    }
    if (request.target == "/none") return Response::no_content();
    requests_.push_back(std::move(request));
    auto& r = requests_.back();
    Response response{200, {}, std::string(to_string(r.method)) + " " + r.target + " " + r.body};
    response.headers.add("Content-Type", "text/plain");
    response.headers.add("X-Evil", "a\r\nb: c");
    return response;
  }

  Http2Connection& server() {
    if (!server_) {
      server_.emplace(
          limits_, ConnectionHost{service_, "192.0.2.1:4000", false,
                                  [this](uint32_t ticket, auto) { tickets_.push_back(ticket); }});
    }
    return *server_;
  }

  // Lets both talk until neither has anything to say.
  void talk(Client& client) {
    while (true) {
      const auto said = client.output();
      server().feed(said);
      std::string out;
      server().serve(out, kAll);
      if (said.empty() && out.empty()) return;
      client.input(out);
    }
  }
  const Client::Reply& ask(const Client::Fields& fields, std::string body = "") {
    const auto id = client_.ask(fields, std::move(body));
    talk(client_);
    return client_.replies[id];
  }

  TransportLimits limits_;
  Service service_;
  Client client_;
  std::optional<Http2Connection> server_;
  std::vector<Request> requests_;
  std::vector<uint32_t> tickets_;
  size_t admitted_ = 0;
};

TEST_F(Http2ConnectionTest, ARequestIsWhatItsFieldsSay) {
  const auto& reply = ask(
      Client::head("POST", "/a%20b?c=d", {{"content-type", "text/plain"}, {"x-a", "1"}}), "body");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "POST /a%20b?c=d body");
  EXPECT_EQ(reply.headers.get("content-type"), "text/plain");
  EXPECT_EQ(reply.headers.get("content-length"), "20");
  EXPECT_TRUE(reply.headers.has("date"));
  EXPECT_EQ(reply.headers.get("x-evil"), "a  b: c");
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].method, Method::kPost);
  EXPECT_EQ(requests_[0].headers.get("Host"), "mep.example");
  EXPECT_EQ(requests_[0].headers.get("X-A"), "1");
  EXPECT_EQ(requests_[0].remote, "192.0.2.1:4000");
  EXPECT_EQ(server().served(), 1U);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kIdle);
}

TEST_F(Http2ConnectionTest, RepliesWithoutABodyEndWithTheirHeader) {
  const auto& reply = ask(Client::head("DELETE", "/none"));
  EXPECT_EQ(reply.status, 204);
  EXPECT_TRUE(reply.complete);
  EXPECT_FALSE(reply.headers.has("content-length"));
}

TEST_F(Http2ConnectionTest, HeadKeepsTheLengthOfGet) {
  service_.handle = [](Request&&) { return Response{200, {}, ""}.with("Content-Length", "42"); };
  const auto& reply = ask(Client::head("HEAD", "/"));
  EXPECT_EQ(reply.headers.get("content-length"), "42");
  EXPECT_EQ(reply.body, "");
  EXPECT_TRUE(reply.complete);
}

struct RefusedHead {
  std::string behaviour;
  Client::Fields fields;
  int status;  // 0: the stream is reset with PROTOCOL_ERROR
};

TEST_F(Http2ConnectionTest, RequestsThatAreNotRightAreRefusedAlone) {
  const auto head = [](std::string method, std::string path, const Client::Fields& more = {}) {
    return Client::head(std::move(method), std::move(path), more);
  };
  const Client::Fields no_path = {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}};
  auto twice = head("GET", "/");
  twice.insert(twice.begin(), {":method", "GET"});
  auto late = head("GET", "/", {{"a", "b"}, {":path", "/"}});
  Client::Fields many;
  for (int i = 0; i < 101; ++i) many.emplace_back("x", "y");
  const RefusedHead cases[] = {
      {"an unknown method", head("BREW", "/"), 405},
      {"a long target", head("GET", "/" + std::string(9000, 'a')), 414},
      {"a large field", head("GET", "/", {{"a", std::string(17'000, 'a')}}), 431},
      {"many fields", head("GET", "/", many), 431},
      {"a Host of its own", head("GET", "/", {{"host", "other"}}), 400},
      {"an odd expectation", head("GET", "/", {{"expect", "tea"}}), 417},
      {"an odd expectation of HEAD", head("HEAD", "/", {{"expect", "tea"}}), 417},
      {"Connection", head("GET", "/", {{"connection", "close"}}), 0},
      {"Keep-Alive", head("GET", "/", {{"keep-alive", "1"}}), 0},
      {"Transfer-Encoding", head("GET", "/", {{"transfer-encoding", "chunked"}}), 0},
      {"TE other than trailers", head("GET", "/", {{"te", "gzip"}}), 0},
      {"no path", no_path, 0},
      {"two methods", twice, 0},
      {"a pseudo field behind others", late, 0},
      {"a length that is wrong", head("GET", "/", {{"content-length", "5"}}), 0},
  };
  Client raw(true);
  for (const auto& c : cases) {
    const auto id = raw.ask(c.fields);
    talk(raw);
    const auto& reply = raw.replies[id];
    EXPECT_EQ(reply.status, c.status) << c.behaviour;
    if (c.status == 0) {
      EXPECT_EQ(reply.reset, NGHTTP2_PROTOCOL_ERROR) << c.behaviour;
    } else {
      EXPECT_EQ(reply.headers.get("content-type"), "application/problem+json") << c.behaviour;
      EXPECT_EQ(reply.body.empty(), c.fields[0].second == "HEAD") << c.behaviour;
    }
  }
  const auto id = raw.ask(head("GET", "/fine", {{"te", "trailers"}}));
  talk(raw);
  EXPECT_EQ(raw.replies[id].status, 200);
  EXPECT_EQ(requests_.size(), 1U);
}

TEST_F(Http2ConnectionTest, RepliesComeInTheOrderTheyAreKnown) {
  const auto late = client_.ask(Client::head("GET", "/late"));
  const auto later = client_.ask(Client::head("GET", "/late"));
  const auto now = client_.ask(Client::head("GET", "/now"));
  talk(client_);
  EXPECT_TRUE(client_.replies[now].complete);
  EXPECT_FALSE(client_.replies[late].complete);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kBusy);
  ASSERT_EQ(tickets_.size(), 2U);
  server().complete(tickets_[1], {201, {}, "later"});
  server().complete(tickets_[0], {200, {}, "late"});
  talk(client_);
  EXPECT_EQ(client_.replies[late].body, "late");
  EXPECT_EQ(client_.replies[later].body, "later");
}

TEST_F(Http2ConnectionTest, AReplyToAStreamThatTheClientResetIsDropped) {
  const auto id = client_.ask(Client::head("GET", "/late"));
  talk(client_);
  nghttp2_submit_rst_stream(client_.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  talk(client_);
  server().complete(tickets_.at(0), {200, {}, "for nobody"});
  talk(client_);
  EXPECT_EQ(ask(Client::head("GET", "/next")).status, 200);
}

TEST_F(Http2ConnectionTest, LargeBodiesPassBothWaysUnderFlowControl) {
  const std::string body(1'500'000, 'b');
  EXPECT_EQ(ask(Client::head("POST", "/"), body).body, "POST / " + body);
  EXPECT_EQ(ask(Client::head("GET", "/large/3000000")).body.size(), 3'000'000U);
  EXPECT_EQ(server().held().total(), 0U);
}

TEST_F(Http2ConnectionTest, OutputStopsWhenThereIsEnough) {
  server();
  client_.ask(Client::head("GET", "/large/60000"));
  server().feed(client_.output());
  std::string out;
  EXPECT_FALSE(server().serve(out, 20'000));
  EXPECT_LT(out.size(), 40'000U);
  EXPECT_TRUE(server().serve(out, kAll));
  EXPECT_GT(out.size(), 60'000U);
}

TEST_F(Http2ConnectionTest, WhatIsRefusedByItsHeaderTakesNoMemory) {
  const auto id = client_.ask(Client::head("POST", "/refused"), "a", true);
  talk(client_);
  EXPECT_EQ(client_.replies[id].status, 401);
  EXPECT_EQ(client_.replies[id].reset, NGHTTP2_NO_ERROR);
  EXPECT_EQ(server().held().total(), 0U);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(Http2ConnectionTest, BodiesBeyondTheLimitAreRefused) {
  const auto id = client_.ask(Client::head("POST", "/"), std::string(2'000'001, 'b'), true);
  talk(client_);
  EXPECT_EQ(client_.replies[id].status, 413);
  EXPECT_EQ(server().held().total(), 0U);
  EXPECT_EQ(ask(Client::head("GET", "/next")).status, 200);
}

TEST_F(Http2ConnectionTest, OverloadRefusesIncompleteBodiesAndStrangersFirst) {
  const auto stranger = client_.ask(Client::head("POST", "/"), "abc", true);
  const auto known = client_.ask(Client::head("POST", "/", {{"authorization", "x"}}), "de", true);
  talk(client_);
  EXPECT_EQ(server().held().stranger, 3U);
  EXPECT_EQ(server().held().known, 2U);
  EXPECT_TRUE(server().reading_body());
  std::string out;
  server().overload(true, out);
  client_.input(out);
  talk(client_);
  EXPECT_EQ(client_.replies[stranger].status, 503);
  EXPECT_EQ(client_.replies[stranger].headers.get("retry-after"), "1");
  EXPECT_EQ(server().held().total(), 2U);
  client_.end(known, "f");
  talk(client_);
  EXPECT_EQ(client_.replies[known].body, "POST / def");
  EXPECT_FALSE(server().reading_body());
}

TEST_F(Http2ConnectionTest, TrailersEndARequestAndAreOtherwiseIgnored) {
  const auto id = client_.ask(Client::head("POST", "/"), "a", true);
  talk(client_);
  client_.end(id, "b", {{"x-sum", "1"}});
  talk(client_);
  EXPECT_EQ(client_.replies[id].body, "POST / ab");
  EXPECT_FALSE(requests_.at(0).headers.has("x-sum"));
}

TEST_F(Http2ConnectionTest, AsksAWaitingClientToContinue) {
  const auto id = client_.ask(Client::head("POST", "/", {{"expect", "100-continue"}}), "", true);
  talk(client_);
  EXPECT_EQ(client_.replies[id].status, 100);
  client_.end(id, "ok");
  talk(client_);
  EXPECT_EQ(client_.replies[id].body, "POST / ok");
  EXPECT_THAT(client_.replies[id].informational, ::testing::ElementsAre(100));
}

TEST_F(Http2ConnectionTest, EachStreamHasItsOwnTimeLimits) {
  using Time = ServerConnection::TimePoint;
  const auto body = client_.ask(Client::head("POST", "/"), "a", true);
  const auto late = client_.ask(Client::head("GET", "/late"));
  talk(client_);
  const Time start{1h};
  server().tick(start);
  server().tick(start + limits_.body_timeout - 1ms);
  talk(client_);
  EXPECT_EQ(client_.replies[body].status, 0);
  server().tick(start + limits_.body_timeout);
  talk(client_);
  EXPECT_EQ(client_.replies[body].status, 408);
  server().tick(start + limits_.reply_timeout);
  talk(client_);
  EXPECT_EQ(client_.replies[late].status, 503);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kIdle);
}

TEST_F(Http2ConnectionTest, AReplyThatItsClientDoesNotReadIsGivenUp) {
  using Time = ServerConnection::TimePoint;
  server().tick(Time{1h});
  client_.ask(Client::head("GET", "/large/1000000"));
  server().feed(client_.output());
  std::string out;
  server().serve(out, kAll);  // up to the window, and no further
  EXPECT_LT(out.size(), 70'000U);
  server().tick(Time{1h} + limits_.write_timeout);
  out.clear();
  server().serve(out, kAll);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kIdle);
}

TEST_F(Http2ConnectionTest, AReplyThatItsClientReadsTooSlowlyIsGivenUp) {
  using Time = ServerConnection::TimePoint;
  limits_.write_timeout = 30s;
  limits_.min_read_rate = 100'000;
  const Time start{1h};
  server().tick(start);
  client_.ask(Client::head("GET", "/large/1000000"));
  const auto read_window = [&] {
    server().feed(client_.output());
    std::string out;
    server().serve(out, kAll);
    client_.input(out);
  };
  read_window();
  server().tick(start + 20s);
  read_window();  // some progress, but 130,000 octets in all
  server().tick(start + 31s);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kBusy);
  server().tick(start + 32s);
  std::string out;
  server().serve(out, kAll);
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kIdle);
  EXPECT_EQ(server().owed(), 0U);
}

TEST_F(Http2ConnectionTest, AClientThatReadsNothingCannotPileUpReplies) {
  limits_.max_unread = 3'100'000;  // three replies, and what streams take besides
  for (int i = 0; i < 10; ++i) client_.ask(Client::head("GET", "/large/1000000"));
  server().feed(client_.output());
  std::string out;
  server().serve(out, kAll);
  client_.input(out);
  int refused = 0;
  for (const auto& [id, reply] : client_.replies) refused += reply.reset == NGHTTP2_REFUSED_STREAM;
  EXPECT_EQ(refused, 6);  // the fourth is what exceeds the limit
}

TEST_F(Http2ConnectionTest, GoingAwayFinishesWhatIsUnderWay) {
  const auto late = client_.ask(Client::head("GET", "/late"));
  talk(client_);
  server().go_away();
  talk(client_);
  EXPECT_EQ(client_.goaway, NGHTTP2_NO_ERROR);
  EXPECT_FALSE(server().finished());
  server().complete(tickets_.at(0), {200, {}, "late"});
  talk(client_);
  EXPECT_EQ(client_.replies[late].body, "late");
  EXPECT_TRUE(server().finished());
}

TEST_F(Http2ConnectionTest, AnIdleConnectionEndsInOrder) {
  ask(Client::head("GET", "/"));
  std::string out;
  server().time_out(out);
  client_.input(out);
  EXPECT_EQ(client_.goaway, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(server().finished());
}

struct Flood {
  std::string behaviour;
  std::string (*once)(Client&);
};

TEST_F(Http2ConnectionTest, FloodsEndTheConnection) {
  const Flood floods[] = {
      {"requests reset at once (CVE-2023-44487)",
       [](Client& c) {
         const auto id = c.ask(Client::head("GET", "/late"));
         auto out = c.output();
         nghttp2_submit_rst_stream(c.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
         return out + c.output();
       }},
      {"pings",
       [](Client& c) {
         nghttp2_submit_ping(c.session, NGHTTP2_FLAG_NONE, nullptr);
         return c.output();
       }},
      {"settings",
       [](Client& c) {
         nghttp2_submit_settings(c.session, NGHTTP2_FLAG_NONE, nullptr, 0);
         return c.output();
       }},
      {"resets that we are made to send (CVE-2025-8671)",
       [](Client& c) {
         c.ask(Client::head("GET", "/", {{"connection", "x"}}));
         return c.output();
       }},
      {"fields that are thrown away",
       [](Client& c) {
         c.ask(Client::head("GET", "/", Client::Fields(600, {"x", std::string(20, 'y')})));
         return c.output();
       }},
  };
  for (const auto& flood : floods) {
    Client client(true);
    server_.reset();
    talk(client);
    for (int i = 0; i < 2000 && !client.goaway; ++i) {
      server().feed(flood.once(client));
      std::string out;
      server().serve(out, kAll);
      client.input(out);
    }
    EXPECT_TRUE(client.goaway) << flood.behaviour;
    EXPECT_NE(client.goaway.value_or(0), NGHTTP2_NO_ERROR) << flood.behaviour;
    EXPECT_TRUE(server().finished()) << flood.behaviour;
  }
}

TEST_F(Http2ConnectionTest, ContinuationsWithoutEndAreNotRead) {
  talk(client_);
  const auto frame = [](size_t size, uint8_t type, uint8_t flags) {
    std::string out = {0,
                       static_cast<char>(size >> 8),
                       static_cast<char>(size),
                       static_cast<char>(type),
                       static_cast<char>(flags),
                       0,
                       0,
                       0,
                       1};
    return out + std::string(size, '\x82');  // ":method: GET", from the static table
  };
  server().feed(frame(1, NGHTTP2_HEADERS, 0));
  EXPECT_EQ(server().stage(), ServerConnection::Stage::kHeader);
  for (int i = 0; i < 100 && !server().finished(); ++i) {
    server().feed(frame(1, NGHTTP2_CONTINUATION, 0));
    std::string out;
    server().serve(out, kAll);
  }
  EXPECT_TRUE(server().finished());
}

TEST_F(Http2ConnectionTest, MoreStreamsThanAllowedAreRefused) {
  limits_.max_streams = 2;
  server();
  Client client;
  const std::array many = {nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, many.data(), many.size());
  for (int i = 0; i < 3; ++i) client.ask(Client::head("GET", "/late"));
  server().feed(client.output());  // before it knows our settings
  std::string out;
  server().serve(out, kAll);
  EXPECT_EQ(tickets_.size(), 2U);
}

TEST_F(Http2ConnectionTest, AnExceptionOfAHandlerReachesTheOwner) {
  client_.ask(Client::head("GET", "/throw"));
  server();
  EXPECT_THROW(server().feed(client_.output()), std::runtime_error);
}

TEST_F(Http2ConnectionTest, GarbageEndsTheConnection) {
  server().feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string out;
  server().serve(out, kAll);
  EXPECT_TRUE(server().finished());
}

}  // namespace
}  // namespace sluice::http
