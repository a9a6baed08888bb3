#include "base/http/reply_budget.h"

#include <gtest/gtest.h>

#include <list>
#include <thread>

#include "base/http/http2_test_client.h"
#include "base/http/loopback_client.h"
#include "base/http/pistache_transport.h"

namespace sluice::http {
namespace {

constexpr size_t kMebi = 1024 * 1024;

TEST(ReplyBudget, LeavesLessToEachTheMoreThereAre) {
  ReplyBudget budget(80 * kMebi);
  EXPECT_EQ(budget.share(), 70 * kMebi / 8);
  ReplyAccount other(&budget);
  struct Case {
    size_t owed;
    size_t share;
    bool is_short;
  };
  for (const auto& c : {
           Case{30 * kMebi, 5 * kMebi, false},
           Case{70 * kMebi, ReplyBudget::kLittle, false},  // the reserve, for those who owe little
           Case{75 * kMebi, ReplyBudget::kLittle, true},
           Case{80 * kMebi, 0, true},
           Case{90 * kMebi, 0, true},
       }) {
    other.set(c.owed);
    EXPECT_EQ(budget.owed(), c.owed);
    EXPECT_EQ(budget.share(), c.share) << c.owed;
    EXPECT_EQ(budget.is_short(), c.is_short) << c.owed;
  }
}

TEST(ReplyBudget, AnAccountCountsWhatItOwesAndNothingOnceItIsGone) {
  ReplyBudget budget(kMebi);
  {
    ReplyAccount account(&budget);
    for (const size_t owed : {1UL, 100'000UL, 99'000UL, 500'000UL, 20UL, 0UL, 300'000UL}) {
      account.set(owed);
      EXPECT_GE(budget.owed(), owed);
      EXPECT_LE(budget.owed(), owed + 48 * 1024);
      if (owed == 0) {
        EXPECT_EQ(budget.owed(), 0U);
      }
    }
  }
  EXPECT_EQ(budget.owed(), 0U);
  ReplyAccount unlimited(nullptr);
  unlimited.set(kMebi);
}

Response answer(Request&& request) {
  if (request.target.starts_with("/large/")) {
    return Response{200, {}, std::string(std::stoul(request.target.substr(7)), 'x')};
  }
  return Response{200, {}, "small"};
}

std::unique_ptr<PistacheTransport> start(size_t budget) {
  TransportOptions options;
  options.address = *IpAddress::parse("127.0.0.1");
  options.limits.reply_budget = budget;
  return *PistacheTransport::start(options, answer);
}

int status_of_small_reply(uint16_t port) {
  LoopbackClient client(port);
  client.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto reply = client.read_reply();
  return reply ? reply->status : 0;
}

// Each asks for 20 MB and reads none of it.
struct Hoarder {
  explicit Hoarder(uint16_t port) : socket(port) {
    for (int i = 0; i < 100; ++i) http2.ask(Http2TestClient::head("GET", "/large/200000"));
    socket.send(http2.output());
  }
  LoopbackClient socket;
  Http2TestClient http2;
};

TEST(ReplyBudget, ClientsOfHttp2ThatDoNotReadCannotExceedItNorKeepOthersOut) {
  constexpr size_t kBudget = 32 * kMebi;
  const auto transport = start(kBudget);
  std::list<Hoarder> hoarders;
  for (int i = 0; i < 40; ++i) {
    hoarders.emplace_back(transport->port());
    EXPECT_EQ(status_of_small_reply(transport->port()), 200);
    EXPECT_LE(transport->bytes_owed(), kBudget);
  }
  while (transport->bytes_owed() < kBudget / 2) {  // the test's own time limit ends a wait in vain
    EXPECT_EQ(status_of_small_reply(transport->port()), 200);
    EXPECT_LE(transport->bytes_owed(), kBudget);
  }
  hoarders.clear();
  while (transport->bytes_owed() > 0) std::this_thread::yield();
}

TEST(ReplyBudget, WhoOwesMostIsClosedWhenAllIsUsedUp) {
  constexpr size_t kBudget = 4 * kMebi;
  constexpr size_t kMargin = kBudget;  // what two threads write, and steps of counting
  const auto transport = start(kBudget);
  std::list<LoopbackClient> hoarders;
  for (int i = 0; i < 20; ++i) {
    auto& client = hoarders.emplace_back(transport->port());
    for (int k = 0; k < 10; ++k) {
      client.send("GET /large/2000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    EXPECT_LE(transport->bytes_owed(), kBudget + kMargin);
  }
  // Others are refused until then, if at all.
  while (status_of_small_reply(transport->port()) != 200) {
    EXPECT_LE(transport->bytes_owed(), kBudget + kMargin);
  }
  while (transport->bytes_owed() > kBudget / 8 * 7) std::this_thread::yield();
}

}  // namespace
}  // namespace sluice::http
