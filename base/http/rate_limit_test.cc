#include "base/http/rate_limit.h"

#include "base/http/router.h"

namespace sluice::http {
namespace {

using std::chrono::seconds;
using namespace std::chrono_literals;

TEST(TokenBuckets, AllowABurstAndThenARate) {
  ManualClock clock;
  TokenBuckets buckets({.requests_per_s = 2, .burst = 3}, clock);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(buckets.take("a")) << i;
  EXPECT_EQ(buckets.take("a"), seconds(1));
  EXPECT_EQ(buckets.look("a"), seconds(1));
  EXPECT_FALSE(buckets.take("b")) << "which has asked for nothing yet";
  clock.advance(500ms);
  EXPECT_FALSE(buckets.look("a"));
  EXPECT_FALSE(buckets.take("a"));
  EXPECT_TRUE(buckets.take("a"));
  clock.advance(1h);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(buckets.take("a")) << i;
  EXPECT_TRUE(buckets.take("a")) << "a pause saves up no more than a burst";
}

TEST(TokenBuckets, SayHowLongToWait) {
  ManualClock clock;
  TokenBuckets buckets({.requests_per_s = 0.1, .burst = 1}, clock);
  buckets.take("a");
  EXPECT_EQ(buckets.take("a"), seconds(10));
  clock.advance(5s);
  EXPECT_EQ(buckets.take("a"), seconds(5));
}

TEST(TokenBuckets, WithoutARateLimitNothing) {
  ManualClock clock;
  TokenBuckets buckets({}, clock);
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(buckets.take("a"));
}

TEST(TokenBuckets, RememberABoundedNumberOfClients) {
  ManualClock clock;
  TokenBuckets buckets({.requests_per_s = 1, .burst = 1, .max_clients = 160}, clock);
  buckets.take("first");
  EXPECT_TRUE(buckets.take("first"));
  for (int i = 0; i < 10'000; ++i) buckets.take(std::to_string(i));
  EXPECT_FALSE(buckets.take("first")) << "forgotten long ago";
  EXPECT_TRUE(buckets.take("9999"));
}

struct KeyCase {
  std::string remote;
  std::string key;
};

TEST(RateKey, IsTheAddressOrItsNetwork) {
  const KeyCase cases[] = {
      {"192.0.2.1:4000", "192.0.2.1"},
      {"192.0.2.1", "192.0.2.1"},
      {"[2001:db8:1:2:3::4]:4000", "2001:db8:1:2::/64"},
      {"2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
      {"unknown", "unknown"},
      {"[", ""},
      {"", ""},
      {std::string(1000, 'x'), std::string(64, 'x')},
  };
  for (const auto& c : cases) EXPECT_EQ(rate_key_of(c.remote), c.key) << c.remote;
}

constexpr std::string_view kContract = R"(
openapi: 3.0.3
info: {title: Test, version: 1.0.0}
security: [{oauth2: [things]}]
paths:
  /open:
    get: {operationId: open, security: [], responses: {'204': {description: Done.}}}
  /things:
    put:
      operationId: putThings
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'204': {description: Done.}}
)";

class LimitedRouterTest : public ::testing::Test {
 protected:
  LimitedRouterTest() {
    std::vector<Contract> contracts;
    contracts.push_back(*Contract::load("test", kContract));
    Handlers handlers;
    for (const char* id : {"open", "putThings"}) {
      handlers[id] = [](const Request&) { return Response::no_content(); };
    }
    RouterOptions options;
    options.authenticator = [this](std::string_view token, TokenCheck) -> Result<PrincipalPtr> {
      ++tokens_seen_;
      if (token == "bad") return fail(ErrorCode::kUnauthenticated, "a bad token");
      return std::make_shared<const Principal>(Principal{std::string(token), {"things"}, {}});
    };
    options.limiter =
        std::make_shared<ClientLimiter>(RateLimit{.requests_per_s = 1, .burst = 2},
                                        RateLimit{.requests_per_s = 1, .burst = 3}, clock_);
    router_.emplace(*Router::build(std::move(contracts), std::move(handlers), std::move(options)));
  }

  int ask(Method method, const std::string& target, const std::string& token,
          const std::string& remote = "192.0.2.1:4000") {
    Request request;
    request.method = method;
    request.target = target;
    request.remote = remote;
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
    last_ = router_->handle(std::move(request));
    return last_.status;
  }

  ManualClock clock_;
  int tokens_seen_ = 0;
  std::optional<Router> router_;
  Response last_;
};

TEST_F(LimitedRouterTest, EachClientHasItsShareWhereverItIs) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(Method::kPut, "/things", "ann"), 204);
  EXPECT_EQ(ask(Method::kPut, "/things", "ann", "198.51.100.1:1"), 429);
  EXPECT_EQ(last_.headers.get("Retry-After"), "1");
  EXPECT_EQ(last_.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(ask(Method::kPut, "/things", "ben"), 204) << "from the same address";
  clock_.advance(1s);
  EXPECT_EQ(ask(Method::kPut, "/things", "ann"), 204);
}

TEST_F(LimitedRouterTest, AnAddressThatProvesNothingHasAShareForAllItAsks) {
  EXPECT_EQ(ask(Method::kGet, "/open", ""), 204);
  EXPECT_EQ(ask(Method::kPut, "/things", "bad"), 401);
  EXPECT_EQ(ask(Method::kGet, "/nowhere", ""), 404);
  EXPECT_EQ(ask(Method::kGet, "/open", ""), 429);
  const int seen = tokens_seen_;
  EXPECT_EQ(ask(Method::kPut, "/things", "bad"), 429);
  EXPECT_EQ(tokens_seen_, seen) << "a forged token costs nothing now";
  EXPECT_EQ(ask(Method::kPut, "/things", "ann", "198.51.100.1:1"), 204);
}

TEST_F(LimitedRouterTest, AnAdmittedRequestIsCountedOnceAndItsTokenReadAgainAfterItsBody) {
  Request request;
  request.method = Method::kPut;
  request.target = "/things";
  request.headers.add("Authorization", "Bearer ann");
  request.headers.add("Content-Type", "application/json");
  const auto admission = router_->admit(request);
  EXPECT_FALSE(admission.refusal);
  EXPECT_TRUE(admission.known);
  request.body = "{}";
  EXPECT_EQ(router_->handle(std::move(request)).status, 204);
  EXPECT_EQ(tokens_seen_, 2) << "it may have been revoked while the body came";
  EXPECT_EQ(ask(Method::kPut, "/things", "ann"), 204);
  EXPECT_EQ(ask(Method::kPut, "/things", "ann"), 429);
}

struct AdmissionCase {
  std::string behaviour;
  Method method;
  std::string target;
  std::string token;
  std::string type;
  int status;  // 0: admitted
  bool known;
};

TEST_F(LimitedRouterTest, WhatTheHeaderForbidsIsRefusedBeforeTheBody) {
  const AdmissionCase cases[] = {
      {"a body", Method::kPut, "/things", "ann", "application/json", 0, true},
      {"no token", Method::kPut, "/things", "", "application/json", 401, false},
      {"another media type", Method::kPut, "/things", "ben", "text/plain", 415, true},
      {"nowhere", Method::kPut, "/nowhere", "cid", "application/json", 404, false},
      {"another method", Method::kPost, "/things", "dan", "application/json", 405, false},
  };
  for (const auto& c : cases) {
    Request request;
    request.method = c.method;
    request.target = c.target;
    request.remote = c.behaviour;
    if (!c.token.empty()) request.headers.add("Authorization", "Bearer " + c.token);
    request.headers.add("Content-Type", c.type);
    const auto admission = router_->admit(request);
    EXPECT_EQ(admission.refusal ? admission.refusal->status : 0, c.status) << c.behaviour;
    EXPECT_EQ(admission.known, c.known) << c.behaviour;
  }
}

}  // namespace
}  // namespace sluice::http
