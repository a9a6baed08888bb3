#include "auth/token_endpoint.h"

#include "auth/memory_client_store.h"
#include "auth/temporary_key_ring.h"

namespace sluice::auth {
namespace {

class TokenEndpointTest : public ::testing::Test {
 protected:
  TokenEndpointTest() {
    clients_.add({"app", SecretHash::of("right"), {"mec_app_support", "mm5"}, "app-1"});
    clients_.add({"a b&c", SecretHash::of("p:w%"), {"mm5"}, std::nullopt});
  }

  http::Response post(std::string body, std::string authorization = {}) {
    http::Request request;
    request.method = http::Method::kPost;
    request.body = std::move(body);
    if (!authorization.empty()) request.headers.add("Authorization", std::move(authorization));
    return endpoint_.issue(request);
  }

  http::Response revoke(const std::string& token, const std::string& client = "app",
                        const std::string& secret = "right") {
    http::Request request;
    request.body = "token=" + token + "&client_id=" + client + "&client_secret=" + secret;
    return endpoint_.revoke(request);
  }
  std::string token() { return nlohmann::json::parse(post(kRight).body)["access_token"]; }

  static constexpr const char* kRight =
      "grant_type=client_credentials&client_id=app&client_secret=right";
  ManualClock clock_;
  TemporaryKeyRing folder_{clock_};
  std::unique_ptr<KeyRing> ring_ = folder_.open();
  MemoryClientStore clients_;
  TokenService tokens_{*ring_, clients_, clock_};
  TokenEndpoint endpoint_{clients_, tokens_, *ring_, clock_};
};

TEST_F(TokenEndpointTest, GivesATokenThatThePlatformTakes) {
  const auto reply = post(kRight);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers.get("Cache-Control"), "no-store");
  const auto body = nlohmann::json::parse(reply.body);
  EXPECT_EQ(body["token_type"], "Bearer");
  EXPECT_EQ(body["expires_in"], 600);
  EXPECT_EQ(body["scope"], "mec_app_support mm5");
  const auto principal = tokens_.verify(body["access_token"].get<std::string>());
  ASSERT_TRUE(principal);
  EXPECT_EQ((*principal)->subject, "app");
}

TEST_F(TokenEndpointTest, ReadsBasicAuthenticationWithItsInnerEncoding) {
  // base64("a+b%26c:p%3Aw%25")
  const auto reply = post("grant_type=client_credentials", "basic YStiJTI2YzpwJTNBdyUyNQ==");
  ASSERT_EQ(reply.status, 200) << reply.body;
}

TEST_F(TokenEndpointTest, NarrowsTheScopeOnRequest) {
  const auto reply = post(std::string(kRight) + "&scope=mm5");
  ASSERT_EQ(reply.status, 200);
  const auto body = nlohmann::json::parse(reply.body);
  EXPECT_EQ(body["scope"], "mm5");
  EXPECT_THAT((*tokens_.verify(body["access_token"].get<std::string>()))->scopes,
              ::testing::ElementsAre("mm5"));
}

struct Refusal {
  std::string body;
  std::string authorization;
  int status;
  std::string error;
};

TEST_F(TokenEndpointTest, RefusesByTheWordsOfRfc6749) {
  const std::string grant = "grant_type=client_credentials";
  const std::string app = grant + "&client_id=app&client_secret=";
  const Refusal cases[] = {
      {"", "", 400, "invalid_request"},
      {"client_id=app&client_secret=right", "", 400, "invalid_request"},
      {"grant_type=&client_id=app&client_secret=right", "", 400, "invalid_request"},
      {"grant_type=password&client_id=app&client_secret=right", "", 400, "unsupported_grant_type"},
      {grant, "", 401, "invalid_client"},
      {grant + "&client_id=app", "", 401, "invalid_client"},
      {app, "", 401, "invalid_client"},
      {app + "wrong", "", 401, "invalid_client"},
      {app + "Right", "", 401, "invalid_client"},
      {grant + "&client_id=nobody&client_secret=right", "", 401, "invalid_client"},
      {grant, "Basic YXBwOndyb25n", 401, "invalid_client"},           // app:wrong
      {grant, "Basic YXBw", 401, "invalid_client"},                   // no colon
      {grant, "Basic !!", 401, "invalid_client"},                     // no base64
      {grant, "Bearer abc", 401, "invalid_client"},                   // another scheme
      {app + "right", "Basic YXBwOnJpZ2h0", 400, "invalid_request"},  // both ways
      {app + "right&grant_type=client_credentials", "", 400, "invalid_request"},
      {app + "right%", "", 400, "invalid_request"},
      {app + "right&scope=other", "", 400, "invalid_scope"},
      {app + "right&scope=mm5+other", "", 400, "invalid_scope"},
      {app + "right&scope=+", "", 400, "invalid_scope"},
  };
  for (const auto& c : cases) {
    const auto reply = post(c.body, c.authorization);
    EXPECT_EQ(reply.status, c.status) << c.body;
    EXPECT_EQ(nlohmann::json::parse(reply.body)["error"], c.error) << c.body;
    EXPECT_EQ(reply.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(reply.headers.has("WWW-Authenticate"), c.status == 401) << c.body;
  }
}

TEST_F(TokenEndpointTest, UnknownClientAndWrongSecretLookTheSame) {
  const auto unknown = post("grant_type=client_credentials&client_id=no&client_secret=x");
  const auto wrong = post("grant_type=client_credentials&client_id=app&client_secret=x");
  EXPECT_EQ(unknown.status, wrong.status);
  EXPECT_EQ(unknown.body, wrong.body);
}

TEST_F(TokenEndpointTest, SlowsDownFailuresButNeverLocksOut) {
  const std::string wrong = "grant_type=client_credentials&client_id=app&client_secret=wrong";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(post(wrong).status, 401);
  const auto limited = post(wrong);
  EXPECT_EQ(limited.status, 429);
  EXPECT_TRUE(limited.headers.has("Retry-After"));
  EXPECT_EQ(post(kRight).status, 200);
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(post(wrong).status, 401);
}

TEST_F(TokenEndpointTest, RefusesALargeFormBeforeItReadsIt) {
  const std::string right = kRight;
  std::string many = right;  // three parameters
  for (int i = 3; i < 32; ++i) many += fmt::format("&p{}=", i);
  EXPECT_EQ(post(many).status, 200);
  EXPECT_EQ(post(many + "&p32=").status, 400);
  const auto padded = right + "&pad=";
  EXPECT_EQ(post(padded + std::string(8192 - padded.size(), 'x')).status, 200);
  EXPECT_EQ(post(padded + std::string(8193 - padded.size(), 'x')).status, 400);
}

TEST_F(TokenEndpointTest, CountsFailuresOfImpossibleIdsTogether) {
  const auto fail_as = [&](char letter, size_t length) {
    return post("grant_type=client_credentials&client_secret=x&client_id=" +
                std::string(length, letter))
        .status;
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fail_as(static_cast<char>('a' + i), 129), 401);
  EXPECT_EQ(fail_as('z', 129), 429);
  EXPECT_EQ(fail_as('z', 128), 401);
}

TEST_F(TokenEndpointTest, RevokesATokenOfTheClient) {
  const auto one = token();
  const auto other = token();
  const auto reply = revoke(one);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.get("Cache-Control"), "no-store");
  EXPECT_FALSE(tokens_.verify(one));
  EXPECT_TRUE(tokens_.verify(other));
  EXPECT_EQ(revoke(one).status, 200);  // RFC 7009 §2.2: as good as revoked
  EXPECT_EQ(revoke("nonsense").status, 200);
}

TEST_F(TokenEndpointTest, RefusesToRevokeWhatIsNotTheClients) {
  clients_.add({"other", SecretHash::of("s"), {"mm5"}, std::nullopt});
  const auto mine = token();
  const auto foreign = revoke(mine, "other", "s");
  EXPECT_EQ(foreign.status, 400);
  EXPECT_EQ(nlohmann::json::parse(foreign.body)["error"], "unauthorized_client");
  EXPECT_EQ(revoke(mine, "app", "wrong").status, 401);
  http::Request without_token;
  without_token.body = "client_id=app&client_secret=right";
  EXPECT_EQ(endpoint_.revoke(without_token).status, 400);
  EXPECT_TRUE(tokens_.verify(mine));
}

TEST_F(TokenEndpointTest, TakesTheOldSecretUntilItsTimeIsOver) {
  auto client = *clients_.find("app");
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  client.old_secret = OldSecret{client.secret_hash, now.time_since_epoch().count() + 1000};
  client.secret_hash = SecretHash::of("fresh");
  clients_.add(client);
  const auto fresh = "grant_type=client_credentials&client_id=app&client_secret=fresh";
  EXPECT_EQ(post(kRight).status, 200);
  EXPECT_EQ(post(fresh).status, 200);
  const auto by_old = token();
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(post(kRight).status, 401);
  EXPECT_EQ(post(fresh).status, 200);
  EXPECT_FALSE(tokens_.verify(by_old));
}

TEST_F(TokenEndpointTest, ShowsItsKeys) {
  const auto reply = endpoint_.show_keys();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(nlohmann::json::parse(reply.body), ring_->jwks());
}

}  // namespace
}  // namespace sluice::auth
