// The transport over real loopback sockets, with clients that are not friendly.
#include "base/http/pistache_transport.h"

#include <dirent.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/http/loopback_client.h"
#include "base/http/pending_response.h"

namespace sluice::http {
namespace {

Response echo(Request&& request) {
  if (request.target == "/throw") throw std::runtime_error("handlers should not");
  if (request.target.starts_with("/large/")) {
    return Response{200, {}, std::string(std::stoul(request.target.substr(7)), 'x')};
  }
  return Response{200, {}, request.target + " " + request.body};
}

std::unique_ptr<PistacheTransport> start(TransportLimits limits = {},
                                         const std::string& address = "127.0.0.1") {
  TransportOptions options;
  options.address = *IpAddress::parse(address);
  options.limits = limits;
  auto transport = PistacheTransport::start(options, echo);
  if (!transport) throw std::runtime_error(transport.error().to_string());
  return std::move(*transport);
}

std::string get(std::string_view target, std::string_view fields = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, fields);
}

std::string post(std::string_view body) {
  return fmt::format("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                     body);
}

size_t threads_running() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

// Without eventfds: Pistache 0.0.5 never closes those of a listener (see PistacheTransport).
size_t descriptors_open() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own is
    count += std::filesystem::read_symlink(entry, gone) != "anon_inode:[eventfd]";
  }
  return count;
}

// Waits for another thread to get there; the test's own time limit ends a wait in vain.
template <typename Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(PistacheTransport, ServesAClientThatSendsByteByByte) {
  const auto transport = start();
  LoopbackClient client(transport->port());
  for (const char c : post("abc") + get("/second")) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_reply()->body, "/p abc");
  EXPECT_EQ(client.read_reply()->body, "/second ");
}

TEST(PistacheTransport, AnswersAHundredPipelinedRequestsInOrder) {
  const auto transport = start();
  LoopbackClient client(transport->port());
  std::string all;
  for (int i = 0; i < 100; ++i) all += i % 2 ? get(fmt::format("/{}", i)) : post(std::to_string(i));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 100; ++i) {
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply) << i;
    EXPECT_EQ(reply->body, i % 2 ? fmt::format("/{} ", i) : fmt::format("/p {}", i));
  }
}

TEST(PistacheTransport, AHalfClosedClientStillGetsAllItsReplies) {
  const auto transport = start();
  LoopbackClient client(transport->port());
  constexpr size_t kSize = 20'000'000;  // more than any socket buffer holds
  ASSERT_TRUE(client.send(get("/first") + get(fmt::format("/large/{}", kSize)) + get("/last")));
  client.end_of_input();
  EXPECT_EQ(client.read_reply()->body, "/first ");
  EXPECT_EQ(client.read_reply()->body.size(), kSize);
  EXPECT_EQ(client.read_reply()->body, "/last ");
  EXPECT_TRUE(client.reads_end());
}

TEST(PistacheTransport, AClientThatDoesNotReadDelaysNobodyAndLosesNothing) {
  const auto transport = start();
  LoopbackClient lazy(transport->port());
  constexpr size_t kSize = 2'000'000;
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += get(fmt::format("/large/{}", kSize));
  ASSERT_TRUE(lazy.send(requests));
  for (int i = 0; i < 20; ++i) {
    LoopbackClient other(transport->port());
    other.send(get("/other"));
    EXPECT_EQ(other.read_reply()->body, "/other ");
  }
  for (int i = 0; i < 20; ++i) ASSERT_EQ(lazy.read_reply()->body.size(), kSize);
}

TEST(PistacheTransport, AllBodiesThatArriveShareOneBudget) {
  TransportLimits limits;
  limits.body_budget = 500'000;
  const auto transport = start(limits);
  const auto body = std::string(400'000, 'b');
  const auto request = post(body);
  const auto cut = request.size() - 100'000;
  LoopbackClient first(transport->port());
  ASSERT_TRUE(first.send(std::string_view(request).substr(0, cut)));
  wait_until([&] { return transport->bytes_held() >= 300'000; });

  LoopbackClient second(transport->port());
  second.send(std::string_view(request).substr(0, cut));
  EXPECT_EQ(second.read_reply()->status, 503);
  LoopbackClient small(transport->port());
  ASSERT_TRUE(small.send(post("small")));
  EXPECT_EQ(small.read_reply()->body, "/p small");

  ASSERT_TRUE(first.send(std::string_view(request).substr(cut)));
  EXPECT_EQ(first.read_reply()->body, "/p " + body);
  wait_until([&] { return transport->bytes_held() == 0; });
  LoopbackClient third(transport->port());
  ASSERT_TRUE(third.send(request));
  EXPECT_EQ(third.read_reply()->status, 200);
}

TEST(PistacheTransport, TakesAndReturnsFiveMegabytesWhereAllowed) {
  TransportLimits limits;
  limits.parser.max_body = 5'000'000;
  const auto transport = start(limits);
  LoopbackClient client(transport->port());
  const std::string body(5'000'000, 'b');
  ASSERT_TRUE(client.send(post(body)));
  EXPECT_EQ(client.read_reply()->body, "/p " + body);
}

TEST(PistacheTransport, RefusesGarbageReadablyAndCloses) {
  const auto transport = start();
  const std::string garbage[] = {"\x16\x03\x01\x02\x01\x01", "hello\r\n\r\n",
                                 std::string(9000, 'A'), "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
                                 std::string(50, '\0')};
  for (const auto& bytes : garbage) {
    LoopbackClient client(transport->port());
    client.send(bytes);
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply);
    EXPECT_GE(reply->status, 400);
    EXPECT_EQ(reply->headers.get("Connection"), "close");
    EXPECT_TRUE(client.reads_end());
  }
}

TEST(PistacheTransport, ConnectionCloseIsHonoured) {
  const auto transport = start();
  LoopbackClient client(transport->port());
  client.send(get("/a", "Connection: close\r\n") + get("/ignored"));
  EXPECT_EQ(client.read_reply()->headers.get("Connection"), "close");
  EXPECT_TRUE(client.reads_end());
}

TEST(PistacheTransport, ContinuesAClientThatWaits) {
  const auto transport = start();
  LoopbackClient client(transport->port());
  client.send("POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_reply()->status, 100);
  client.send("ok");
  EXPECT_EQ(client.read_reply()->body, "/p ok");
}

TEST(PistacheTransport, AnExceptionOfTheHandlerEndsOnlyItsConnection) {
  const auto transport = start();
  LoopbackClient victim(transport->port());
  LoopbackClient other(transport->port());
  victim.send(get("/throw"));
  EXPECT_FALSE(victim.read_reply());
  other.send(get("/fine"));
  EXPECT_EQ(other.read_reply()->body, "/fine ");
}

TEST(PistacheTransport, TellsAClientThatIsTooSlow) {
  TransportLimits limits;
  limits.header_timeout = limits.body_timeout = std::chrono::milliseconds(50);
  const auto transport = start(limits);
  for (const char* part :
       {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"}) {
    LoopbackClient client(transport->port());
    client.send(part);
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 408);
    EXPECT_TRUE(client.reads_end());
  }
}

TEST(PistacheTransport, ClosesConnectionsThatIdleOrDoNotRead) {
  TransportLimits limits;
  limits.idle_timeout = limits.write_timeout = std::chrono::milliseconds(50);
  const auto transport = start(limits);
  LoopbackClient idle(transport->port());
  EXPECT_TRUE(idle.reads_end());
  LoopbackClient stalled(transport->port());
  stalled.send(get("/large/100000000"));
  wait_until([&] { return transport->connections() == 0; });
}

TEST(PistacheTransport, ClosesWhoAlwaysReadsSomethingButTooSlowly) {
  constexpr size_t kSize = 50'000'000;
  for (const bool bounded : {true, false}) {
    TransportLimits limits;
    limits.min_read_rate = bounded ? 100'000'000'000 : 0;  // more than anybody can read
    if (bounded) limits.write_timeout = std::chrono::milliseconds(100);
    const auto transport = start(limits);
    LoopbackClient client(transport->port());
    client.send(get(fmt::format("/large/{}", kSize)));
    size_t taken = 0;
    while (const auto more = client.read_some().size()) {
      taken += more;
      if (taken >= kSize) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // its pace
    }
    EXPECT_EQ(taken >= kSize, !bounded) << taken;
  }
}

TEST(PistacheTransport, DoesNotWaitForeverForAClientToClose) {
  TransportLimits limits;
  limits.linger_timeout = std::chrono::milliseconds(50);
  const auto transport = start(limits);
  LoopbackClient client(transport->port());
  client.send("garbage\r\n\r\n");
  EXPECT_TRUE(client.read_reply());
  wait_until([&] { return transport->connections() == 0; });  // while the client keeps its end open
}

TEST(PistacheTransport, RefusesConnectionsBeyondItsLimitWith503) {
  TransportLimits limits;
  limits.max_connections = 2;
  const auto transport = start(limits);
  LoopbackClient first(transport->port());
  {
    LoopbackClient second(transport->port());
    for (auto* client : {&first, &second}) {
      client->send(get("/in"));
      EXPECT_EQ(client->read_reply()->status, 200);
    }
    LoopbackClient third(transport->port());
    const auto reply = third.read_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 503);
    EXPECT_TRUE(third.reads_end());
  }
  wait_until([&] { return transport->connections() == 1; });
  LoopbackClient next(transport->port());
  next.send(get("/in"));
  EXPECT_EQ(next.read_reply()->status, 200);
}

TEST(PistacheTransport, SurvivesClientsThatVanish) {
  const auto transport = start();
  for (int i = 0; i < 50; ++i) {
    LoopbackClient client(transport->port());
    client.send(get("/large/3000000"));  // closed with the reply unread: a reset
  }
  wait_until([&] { return transport->connections() == 0; });
  LoopbackClient client(transport->port());
  client.send(get("/alive"));
  EXPECT_EQ(client.read_reply()->body, "/alive ");
}

TEST(PistacheTransport, ServesManyClientsAtOnce) {
  const auto transport = start();
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 8; ++c) {
      clients.emplace_back([&, c] {
        LoopbackClient client(transport->port());
        for (int i = 0; i < 200; ++i) {
          const auto target = fmt::format("/{}/{}", c, i);
          client.send(get(target));
          right += client.read_reply()->body == target + " ";
        }
      });
    }
  }
  EXPECT_EQ(right, 8 * 200);
}

// Replies that the test gives.
class Deferring {
 public:
  explicit Deferring(TransportLimits limits = {}) {
    TransportOptions options;
    options.address = *IpAddress::parse("127.0.0.1");
    options.threads = 1;
    options.limits = limits;
    transport = *PistacheTransport::start(options, [this](Request&& request) {
      if (!request.target.starts_with("/late")) return echo(std::move(request));
      const std::lock_guard lock(mutex_);
      pending_.push_back(std::make_shared<PendingResponse>());
      return deferred(pending_.back());
    });
  }

  // Waits until `count` requests are deferred.
  std::vector<std::shared_ptr<PendingResponse>> take(size_t count) {
    wait_until([&] {
      const std::lock_guard lock(mutex_);
      return pending_.size() >= count;
    });
    const std::lock_guard lock(mutex_);
    return std::exchange(pending_, {});
  }

  std::unique_ptr<PistacheTransport> transport;

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<PendingResponse>> pending_;
};

TEST(PistacheTransport, ADeferredReplyHoldsUpNobodyElse) {
  Deferring server;
  LoopbackClient waiting(server.transport->port());
  waiting.send(get("/late") + get("/after"));
  auto pending = server.take(1);
  for (int i = 0; i < 3; ++i) {  // on the only thread
    LoopbackClient other(server.transport->port());
    other.send(get("/other"));
    EXPECT_EQ(other.read_reply()->body, "/other ");
  }
  waiting.send(get("/sent while waiting"));
  pending[0]->resolve({201, {}, "late"});
  EXPECT_EQ(waiting.read_reply()->body, "late");
  EXPECT_EQ(waiting.read_reply()->body, "/after ");
}

TEST(PistacheTransport, ResolvesManyDeferredRepliesFromManyThreads) {
  Deferring server;
  constexpr size_t kClients = 200;
  std::vector<LoopbackClient> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(server.transport->port()).send(get("/late"));
  }
  auto pending = server.take(kClients);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = t; i < kClients; i += 4) pending[i]->resolve({200, {}, "now"});
      });
    }
  }
  for (auto& client : clients) EXPECT_EQ(client.read_reply()->body, "now");
}

TEST(PistacheTransport, AClientThatLeavesBeforeItsDeferredReplyHarmsNobody) {
  Deferring server;
  auto gone = std::make_unique<LoopbackClient>(server.transport->port());
  gone->send(get("/late"));
  auto pending = server.take(1);
  gone->reset();
  wait_until([&] { return server.transport->connections() == 0; });
  LoopbackClient next(server.transport->port());  // likely on the same descriptor
  next.send(get("/late"));
  auto its = server.take(1);
  pending[0]->resolve({200, {}, "for nobody"});
  its[0]->resolve({200, {}, "for the next"});
  EXPECT_EQ(next.read_reply()->body, "for the next");
}

TEST(PistacheTransport, AHalfClosedClientStillGetsItsDeferredReply) {
  Deferring server;
  LoopbackClient client(server.transport->port());
  client.send(get("/late"));
  client.end_of_input();
  server.take(1)[0]->resolve({200, {}, "late"});
  EXPECT_EQ(client.read_reply()->body, "late");
  EXPECT_TRUE(client.reads_end());
}

TEST(PistacheTransport, ADeferredReplyThatNeverComesIsA503) {
  TransportLimits limits;
  limits.reply_timeout = std::chrono::milliseconds(50);
  Deferring server(limits);
  LoopbackClient client(server.transport->port());
  client.send(get("/late"));
  EXPECT_EQ(client.read_reply()->status, 503);
  EXPECT_TRUE(client.reads_end());
}

TEST(PistacheTransport, StoppingWaitsForDeferredReplies) {
  Deferring server;
  LoopbackClient client(server.transport->port());
  client.send(get("/late"));
  auto pending = server.take(1);
  std::jthread resolver([&] { pending[0]->resolve({200, {}, "in time"}); });
  server.transport.reset();
  EXPECT_EQ(client.read_reply()->body, "in time");
}

TEST(PistacheTransport, ServesIpv6) { EXPECT_NE(start({}, "::1")->port(), 0); }

TEST(PistacheTransport, SaysWhichAddressItCannotHave) {
  const auto first = start();
  TransportOptions options;
  options.address = *IpAddress::parse("127.0.0.1");
  options.port = first->port();
  const auto second = PistacheTransport::start(options, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message,
              ::testing::HasSubstr(fmt::format("127.0.0.1 port {}", first->port())));
}

TEST(PistacheTransport, StoppingLeavesNoThreadAndNoDescriptor) {
  (void)start();  // whatever the libraries open once and keep
  const size_t descriptors = descriptors_open();
  const size_t threads = threads_running();
  for (int i = 0; i < 20; ++i) {
    const auto transport = start();
    LoopbackClient idle(transport->port());
    LoopbackClient midway(transport->port());
    LoopbackClient stalled(transport->port());
    for (auto* client : {&idle, &midway, &stalled}) {  // all of them are known to a worker
      client->send(get("/a"));
      EXPECT_TRUE(client->read_reply());
    }
    midway.send("POST /");
    stalled.send(get("/large/30000000"));
  }
  EXPECT_EQ(descriptors_open(), descriptors);
  EXPECT_EQ(threads_running(), threads);
}

TEST(PistacheTransport, TakesNoSignalsFromTheProgram) {
  const auto transport = start();
  DIR* tasks = ::opendir("/proc/self/task");
  size_t seen = 0;
  while (const dirent* entry = ::readdir(tasks)) {
    const int tid = std::atoi(entry->d_name);
    if (tid == 0 || tid == ::getpid()) continue;
    FILE* status = std::fopen(fmt::format("/proc/self/task/{}/status", tid).c_str(), "r");
    char line[256];
    unsigned long blocked = 0;
    while (std::fgets(line, sizeof line, status)) std::sscanf(line, "SigBlk: %lx", &blocked);
    std::fclose(status);
    EXPECT_TRUE(blocked >> (SIGTERM - 1) & 1);
    EXPECT_TRUE(blocked >> (SIGINT - 1) & 1);
    ++seen;
  }
  ::closedir(tasks);
  EXPECT_GE(seen, 3U);  // two workers and the one that accepts; ThreadSanitizer adds one
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_FALSE(sigismember(&mine, SIGTERM)) << "the caller's mask is its own";
}

}  // namespace
}  // namespace sluice::http
