// HTTP/2 over real loopback sockets, on the port that serves HTTP/1.1 too.
#include <atomic>
#include <thread>

#include "base/http/http2_test_client.h"
#include "base/http/loopback_client.h"
#include "base/http/pending_response.h"
#include "base/http/pistache_transport.h"

namespace sluice::http {
namespace {

Response answer(Request&& request) {
  if (request.target.starts_with("/large/")) {
    return Response{200, {}, std::string(std::stoul(request.target.substr(7)), 'x')};
  }
  if (request.target == "/late") {  // from another thread
    auto pending = std::make_shared<PendingResponse>();
    auto reply = deferred(pending);
    std::thread([pending = std::move(pending)] { pending->resolve({200, {}, "late"}); }).detach();
    return reply;
  }
  if (request.target == "/remote") return Response{200, {}, request.remote};
  return Response{200, {}, request.target + " " + request.body};
}

std::unique_ptr<PistacheTransport> start(TransportLimits limits = {}) {
  TransportOptions options;
  options.address = *IpAddress::parse("127.0.0.1");
  options.limits = limits;
  options.trusted_proxies = {*IpPrefix::parse("127.0.0.0/8")};
  return *PistacheTransport::start(options, answer);
}

class Http2Client {
 public:
  explicit Http2Client(uint16_t port) : socket(port) {}

  // False when the connection ends before all of `ids` are answered.
  bool talk(const std::vector<int32_t>& ids) {
    while (true) {
      socket.send(http2.output());
      const bool done = std::ranges::all_of(
          ids, [&](int32_t id) { return http2.replies[id].complete || http2.replies[id].reset; });
      if (done) return true;
      const auto bytes = socket.read_some();
      if (bytes.empty()) return false;
      http2.input(bytes);
    }
  }
  const Http2TestClient::Reply& get(const std::string& target,
                                    const Http2TestClient::Fields& more = {}) {
    const auto id = http2.ask(Http2TestClient::head("GET", target, more));
    talk({id});
    return http2.replies[id];
  }

  LoopbackClient socket;
  Http2TestClient http2;
};

TEST(TransportHttp2, SharesThePortWithHttp1) {
  const auto transport = start();
  Http2Client two(transport->port());
  LoopbackClient one(transport->port());
  one.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(two.get("/two").body, "/two ");
  EXPECT_EQ(one.read_reply()->body, "/one ");
  EXPECT_EQ(transport->connections(), 2U);
}

TEST(TransportHttp2, IsRecognisedByteByByte) {
  const auto transport = start();
  Http2Client client(transport->port());
  const auto id = client.http2.ask(Http2TestClient::head("GET", "/a"));
  for (const char c : client.http2.output()) ASSERT_TRUE(client.socket.send({&c, 1}));
  ASSERT_TRUE(client.talk({id}));
  EXPECT_EQ(client.http2.replies[id].body, "/a ");
}

TEST(TransportHttp2, AnswersManyStreamsWithLargeAndDeferredReplies) {
  const auto transport = start();
  Http2Client client(transport->port());
  std::vector<int32_t> ids;
  for (int i = 0; i < 60; ++i) {
    const std::string target = i % 3 == 0 ? "/late" : i % 3 == 1 ? "/large/300000" : "/small";
    ids.push_back(client.http2.ask(Http2TestClient::head("GET", target)));
  }
  ASSERT_TRUE(client.talk(ids));
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto& reply = client.http2.replies[ids[i]];
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.size(), i % 3 == 0 ? 4U : i % 3 == 1 ? 300'000U : 7U);
  }
}

TEST(TransportHttp2, TheProxySaysWhoTheClientIs) {
  const auto transport = start();
  Http2Client client(transport->port());
  EXPECT_EQ(client.get("/remote", {{"x-forwarded-for", "198.51.100.7"}}).body, "198.51.100.7");
}

TEST(TransportHttp2, ASilentClientIsToldToGo) {
  TransportLimits limits;
  limits.idle_timeout = limits.header_timeout = limits.linger_timeout =
      std::chrono::milliseconds(50);
  const auto transport = start(limits);
  Http2Client idle(transport->port());
  EXPECT_EQ(idle.get("/a").status, 200);
  while (!idle.http2.goaway) {
    const auto bytes = idle.socket.read_some();
    if (bytes.empty()) break;
    idle.http2.input(bytes);
  }
  EXPECT_EQ(idle.http2.goaway, NGHTTP2_NO_ERROR);
  LoopbackClient cut(transport->port());
  cut.send("PRI * HTTP/2.0\r\n");
  EXPECT_EQ(cut.read_reply()->status, 408);
  EXPECT_TRUE(cut.reads_end());
}

TEST(TransportHttp2, ASlowStreamEndsAloneAndTheConnectionGoesOn) {
  TransportLimits limits;
  limits.body_timeout = std::chrono::milliseconds(10);
  const auto transport = start(limits);
  Http2Client client(transport->port());
  const auto slow = client.http2.ask(Http2TestClient::head("POST", "/slow"), "", /*open=*/true);
  ASSERT_TRUE(client.talk({slow}));
  EXPECT_EQ(client.http2.replies[slow].status, 408);
  EXPECT_EQ(client.get("/next").body, "/next ");
  EXPECT_FALSE(client.http2.goaway);
}

TEST(TransportHttp2, StoppingSaysGoodbye) {
  auto transport = start();
  Http2Client client(transport->port());
  EXPECT_EQ(client.get("/a").status, 200);
  transport.reset();
  for (std::string bytes = client.socket.read_some(); !bytes.empty();
       bytes = client.socket.read_some()) {
    client.http2.input(bytes);
  }
  EXPECT_EQ(client.http2.goaway, NGHTTP2_NO_ERROR);
}

TEST(TransportHttp2, AHalfClosedClientStillGetsItsReplies) {
  const auto transport = start();
  Http2Client client(transport->port());
  const auto late = client.http2.ask(Http2TestClient::head("GET", "/late"));
  client.socket.send(client.http2.output());
  client.socket.end_of_input();
  while (!client.http2.replies[late].complete) {
    const auto bytes = client.socket.read_some();
    if (bytes.empty()) break;
    client.http2.input(bytes);
  }
  EXPECT_EQ(client.http2.replies[late].body, "late");
}

}  // namespace
}  // namespace sluice::http
