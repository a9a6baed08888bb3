// Each defect of Pistache 0.0.5 that our transport and router hide, as one client's behaviour tried
// on both. A newer Pistache that passes one of these no longer needs hiding there: the test says
// so.
#include <pistache/endpoint.h>
#include <pistache/router.h>

#include "base/http/loopback_client.h"
#include "base/http/pistache_transport.h"
#include "base/http/router.h"

namespace sluice::http {
namespace {

constexpr std::string_view kContract = R"(
openapi: 3.0.3
info: {title: Test, version: 1.0.0}
servers: [{url: /}]
paths:
  /items/{id}:
    get:
      operationId: getItem
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses: {'200': {description: It., content: {application/json: {schema: {}}}}}
  /echo:
    post:
      operationId: echo
      requestBody: {required: true, content: {text/plain: {schema: {type: string}}}}
      responses: {'200': {description: The body.}}
  /throw:
    get:
      operationId: throw
      responses: {'200': {description: Never.}}
)";

constexpr const char* kSecret = "internal detail";

Response text(std::string body) {
  Response response{200, {}, std::move(body)};
  response.headers.add("Content-Type", "text/plain");
  return response;
}

// The same three resources, once on our stack...
class OurServer {
 public:
  OurServer() : router_(build()) {
    TransportOptions options;
    options.address = *IpAddress::parse("127.0.0.1");
    transport_ = *PistacheTransport::start(
        options, [this](Request&& request) { return router_.handle(std::move(request)); });
  }
  uint16_t port() const { return transport_->port(); }

 private:
  static Router build() {
    Handlers handlers;
    handlers["getItem"] = [](const Request& r) { return text(r.path_param("id")); };
    handlers["echo"] = [](const Request& r) { return text(r.body); };
    handlers["throw"] = [](const Request&) -> Response { throw std::runtime_error(kSecret); };
    std::vector<Contract> contracts;
    contracts.push_back(*Contract::load("test", kContract));
    return std::move(*Router::build(std::move(contracts), std::move(handlers), {}));
  }

  Router router_;
  std::unique_ptr<PistacheTransport> transport_;
};

// ... and once on Pistache as it comes.
class PlainServer {
 public:
  PlainServer() : endpoint_(Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(0))) {
    using Pistache::Http::ResponseWriter;
    using Pistache::Rest::Request;
    using Pistache::Rest::Route;
    router_.get("/items/:id", [](const Request& request, ResponseWriter writer) {
      writer.send(Pistache::Http::Code::Ok, request.param(":id").as<std::string>());
      return Route::Result::Ok;
    });
    router_.post("/echo", [](const Request& request, ResponseWriter writer) {
      writer.send(Pistache::Http::Code::Ok, request.body());
      return Route::Result::Ok;
    });
    router_.get("/throw", [](const Request&, ResponseWriter) -> Route::Result {
      throw std::runtime_error(kSecret);
    });
    endpoint_.init(Pistache::Http::Endpoint::options().threads(1));
    endpoint_.setHandler(router_.handler());
    endpoint_.serveThreaded();
  }
  ~PlainServer() { endpoint_.shutdown(); }
  PlainServer(const PlainServer&) = delete;
  PlainServer& operator=(const PlainServer&) = delete;
  uint16_t port() const { return static_cast<uint16_t>(endpoint_.getPort()); }

 private:
  Pistache::Http::Endpoint endpoint_;
  Pistache::Rest::Router router_;
};

// Long enough for a reply that comes, short enough to wait out one that never does.
constexpr std::chrono::milliseconds kPatience{2000};
using Reply = LoopbackClient::Reply;

std::optional<Reply> ask(uint16_t port, std::string_view request, bool to_head = false) {
  LoopbackClient client(port, kPatience);
  client.send(request);
  return client.read_reply(to_head);
}

struct Defect {
  std::string correct_behaviour;
  std::function<bool(uint16_t port)> shown;  // whether the server at that port behaves so
};

bool persists_by_default(uint16_t port) {
  const auto reply = ask(port, "GET /items/a HTTP/1.1\r\nHost: x\r\n\r\n");
  return reply && reply->status == 200 && !reply->headers.has("Connection");
}

bool answers_pipelined_requests(uint16_t port) {
  LoopbackClient client(port, kPatience);
  const std::string one = "GET /items/1 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
  const std::string two = "GET /items/2 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
  client.send(one + two);
  const auto first = client.read_reply();
  const auto second = client.read_reply();
  return first && second && first->body == "1" && second->body == "2";
}

bool refuses_differing_lengths(uint16_t port) {
  const auto reply = ask(port,
                         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                         "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab");
  return reply && reply->status == 400;
}

bool requires_a_host(uint16_t port) {
  const auto reply = ask(port, "GET /items/a HTTP/1.1\r\n\r\n");
  return reply && reply->status == 400;
}

bool hides_exceptions(uint16_t port) {
  const auto reply = ask(port, "GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  return reply && reply->status == 500 && reply->body.find(kSecret) == std::string::npos;
}

bool answers_head(uint16_t port) {
  const auto reply = ask(port, "HEAD /items/abc HTTP/1.1\r\nHost: x\r\n\r\n", true);
  return reply && reply->status == 200 && reply->headers.get("Content-Length") == "3";
}

bool decodes_path_parameters(uint16_t port) {
  const auto reply = ask(port, "GET /items/a%20b%2Fc HTTP/1.1\r\nHost: x\r\n\r\n");
  return reply && reply->body == "a b/c";
}

bool tolerates_an_odd_accept(uint16_t port) {
  const auto reply = ask(port, "GET /items/a HTTP/1.1\r\nHost: x\r\nAccept: nonsense\r\n\r\n");
  return reply && reply->status == 200;
}

std::string post(size_t size) {
  return fmt::format(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
      size, std::string(size, 'x'));
}

bool takes_bodies_beyond_4096(uint16_t port) {
  const auto reply = ask(port, post(100'000));
  return reply && reply->status == 200 && reply->body.size() == 100'000;
}

// The client sends all of it, as unaware ones do, then reads: the reply must still be there, and
// the stream must end in order.
bool refuses_huge_bodies_cleanly(uint16_t port) {
  LoopbackClient client(port, kPatience);
  const bool sent = client.send(post(5'000'000));
  const auto reply = client.read_reply();
  return sent && reply && reply->status == 413 && client.reads_end();
}

// The client does not send the body before it hears about the header.
bool refuses_announced_huge_bodies_at_once(uint16_t port) {
  const auto reply = ask(port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
  return reply && reply->status == 413;
}

class PistacheDefect : public ::testing::TestWithParam<Defect> {};

TEST_P(PistacheDefect, IsHiddenByOurs) {
  const OurServer server;
  EXPECT_TRUE(GetParam().shown(server.port())) << GetParam().correct_behaviour;
}

TEST_P(PistacheDefect, IsThereInPlainPistache) {
  const PlainServer server;
  EXPECT_FALSE(GetParam().shown(server.port()))
      << "this Pistache no longer needs hiding: " << GetParam().correct_behaviour;
}

INSTANTIATE_TEST_SUITE_P(
    All, PistacheDefect,
    ::testing::Values(Defect{"persists_by_default", persists_by_default},
                      Defect{"answers_pipelined_requests", answers_pipelined_requests},
                      Defect{"refuses_differing_lengths", refuses_differing_lengths},
                      Defect{"requires_a_host", requires_a_host},
                      Defect{"hides_exceptions", hides_exceptions},
                      Defect{"answers_head", answers_head},
                      Defect{"decodes_path_parameters", decodes_path_parameters},
                      Defect{"tolerates_an_odd_accept", tolerates_an_odd_accept},
                      Defect{"takes_bodies_beyond_4096", takes_bodies_beyond_4096},
                      Defect{"refuses_huge_bodies_cleanly", refuses_huge_bodies_cleanly},
                      Defect{"refuses_announced_huge_bodies_at_once",
                             refuses_announced_huge_bodies_at_once}),
    [](const auto& defect) { return defect.param.correct_behaviour; });

}  // namespace
}  // namespace sluice::http
