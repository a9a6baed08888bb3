#include "auth/token_service.h"

#include "auth/base64.h"
#include "auth/jwt.h"
#include "auth/memory_client_store.h"
#include "auth/temporary_key_ring.h"

namespace sluice::auth {
namespace {

class TokenServiceTest : public ::testing::Test {
 protected:
  TokenServiceTest() {
    clients_.add({"video-app", SecretHash::of("s"), {"mec_app_support"}, "app-1"});
    clients_.add({"operator", SecretHash::of("s"), {"mm5"}, std::nullopt});
  }

  TokenService make(const TokenOptions& options) {
    return TokenService(*ring_, clients_, clock_, options);
  }
  std::string issue(std::string_view id, const Scopes& scopes) {
    const auto client = *clients_.find(id);
    return service_.issue(client, client.secret_hash, scopes);
  }
  void change(std::string_view id, const std::function<void(Client&)>& edit) {
    auto client = *clients_.find(id);
    edit(client);
    clients_.add(client);
  }
  std::string issue_by(const TokenService& service) {
    const auto client = *clients_.find("operator");
    return service.issue(client, client.secret_hash, {"mm5"});
  }
  const SigningKey& key() { return *ring_->signing(); }
  nlohmann::json claims() {
    const auto find = [this](std::string_view id) { return ring_->find(id); };
    return verify_jwt(issue("video-app", {"mec_app_support"}), find)->claims;
  }

  ManualClock clock_;
  TemporaryKeyRing folder_{clock_};
  std::unique_ptr<KeyRing> ring_ = folder_.open();
  MemoryClientStore clients_;
  TokenService service_{*ring_, clients_, clock_};
};

TEST_F(TokenServiceTest, AnIssuedTokenTellsWhoAndWhat) {
  const auto principal = service_.verify(issue("video-app", {"mec_app_support"}));
  ASSERT_TRUE(principal) << principal.error().to_string();
  EXPECT_EQ((*principal)->subject, "video-app");
  EXPECT_THAT((*principal)->scopes, ::testing::ElementsAre("mec_app_support"));
  EXPECT_EQ(app_instance_of(**principal), "app-1");
  const auto manager = service_.verify(issue("operator", {"mm5"}));
  ASSERT_TRUE(manager);
  EXPECT_FALSE(app_instance_of(**manager));
}

TEST_F(TokenServiceTest, TokensOfOneClientDiffer) {
  EXPECT_NE(issue("operator", {"mm5"}), issue("operator", {"mm5"}));
}

TEST_F(TokenServiceTest, ATokenIsGoodUntilItExpiresAlsoWhenRemembered) {
  const auto token = issue("operator", {"mm5"});
  clock_.advance(service_.lifetime() - std::chrono::seconds(1));
  EXPECT_TRUE(service_.verify(token));
  clock_.advance(std::chrono::seconds(1));
  const auto late = service_.verify(token);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "the token has expired");
  EXPECT_EQ(late.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(TokenServiceTest, WhatExpiresWhileABodyComesIsGoodUnlessItIsWithdrawn) {
  const auto token = issue("video-app", {"mec_app_support"});
  const auto other = issue("video-app", {"mec_app_support"});
  ASSERT_TRUE(service_.verify(token));
  clock_.advance(service_.lifetime() + std::chrono::seconds(1));
  EXPECT_TRUE(service_.verify(token, http::TokenCheck::kAfterBody));
  EXPECT_FALSE(service_.verify(token)) << "later requests are refused all the same";
  ASSERT_TRUE(clients_.revoke("video-app", service_.identify(issue("video-app", {}))->token_id, 0));
  EXPECT_TRUE(service_.verify(other, http::TokenCheck::kAfterBody)) << "another one is revoked";
  clients_.remove("video-app");
  EXPECT_FALSE(service_.verify(token, http::TokenCheck::kAfterBody));
}

TEST_F(TokenServiceTest, WithdrawingAClientEndsItsTokensAtOnce) {
  const auto token = issue("video-app", {"mec_app_support"});
  ASSERT_TRUE(service_.verify(token));
  clients_.remove("video-app");
  EXPECT_FALSE(service_.verify(token));
}

TEST_F(TokenServiceTest, ANewSecretEndsTheTokensOfTheOldOne) {
  const auto token = issue("video-app", {"mec_app_support"});
  ASSERT_TRUE(service_.verify(token));
  clients_.add({"video-app", SecretHash::of("other"), {"mec_app_support"}, "app-1"});
  EXPECT_FALSE(service_.verify(token));
  EXPECT_TRUE(service_.verify(issue("video-app", {"mec_app_support"})));
}

TEST_F(TokenServiceTest, AnotherPlatformsTokensAreRefused) {
  TokenOptions elsewhere;
  elsewhere.audience = "another-site";
  EXPECT_FALSE(service_.verify(issue_by(make(elsewhere))));
  TokenOptions other_issuer;
  other_issuer.issuer = "another-site";
  EXPECT_FALSE(service_.verify(issue_by(make(other_issuer))));
  const TemporaryKeyRing elsewhere_keys(clock_);
  const auto other_ring = elsewhere_keys.open();
  EXPECT_FALSE(service_.verify(issue_by(TokenService(*other_ring, clients_, clock_))));
}

TEST_F(TokenServiceTest, ForgettingVerifiedTokensChangesNothingButTheCost) {
  TokenOptions options;
  options.max_verified = 2;
  const auto service = make(options);
  std::vector<std::string> tokens;
  for (int i = 0; i < 8; ++i) tokens.push_back(issue("operator", {"mm5"}));
  for (int round = 0; round < 2; ++round) {
    for (const auto& token : tokens) EXPECT_TRUE(service.verify(token));
  }
}

TEST_F(TokenServiceTest, ATokenOutlivesTheRotationOfItsKey) {
  const auto token = issue("operator", {"mm5"});
  clock_.advance(std::chrono::seconds(599));
  ASSERT_TRUE(ring_->rotate(KeyRing::Old::kKeep));
  EXPECT_TRUE(service_.verify(token));
  EXPECT_TRUE(make({}).verify(token));  // also by one that has never seen it
  EXPECT_TRUE(service_.verify(issue("operator", {"mm5"})));
}

TEST_F(TokenServiceTest, DroppingAKeyEndsItsTokensAlsoRememberedOnes) {
  const auto token = issue("operator", {"mm5"});
  ASSERT_TRUE(service_.verify(token));
  ASSERT_TRUE(ring_->rotate(KeyRing::Old::kDrop));
  EXPECT_FALSE(service_.verify(token));
  EXPECT_TRUE(service_.verify(issue("operator", {"mm5"})));
}

TEST_F(TokenServiceTest, ARevokedTokenEndsAndItsSiblingsGoOn) {
  const auto one = issue("operator", {"mm5"});
  const auto other = issue("operator", {"mm5"});
  ASSERT_TRUE(service_.verify(one));
  ASSERT_TRUE(clients_.revoke("video-app", service_.identify(one)->token_id, 0));
  EXPECT_FALSE(service_.verify(one));
  EXPECT_FALSE(service_.identify(one));
  EXPECT_TRUE(service_.verify(other));
}

TEST_F(TokenServiceTest, ANewGenerationEndsAllTokensOfTheClientAndOfNobodyElse) {
  const auto before = issue("video-app", {"mec_app_support"});
  const auto bystander = issue("operator", {"mm5"});
  change("video-app", [](Client& c) { ++c.token_generation; });
  EXPECT_FALSE(service_.verify(before));
  EXPECT_TRUE(service_.verify(issue("video-app", {"mec_app_support"})));  // in the same second
  EXPECT_TRUE(service_.verify(bystander));
}

TEST_F(TokenServiceTest, TokensOfAReplacedSecretEndWithIt) {
  const auto token = issue("video-app", {"mec_app_support"});
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  change("video-app", [&](Client& c) {
    c.old_secret = OldSecret{c.secret_hash, now.time_since_epoch().count() + 60'000};
    c.secret_hash = SecretHash::of("fresh");
  });
  EXPECT_TRUE(service_.verify(token));
  clock_.advance(std::chrono::seconds(60));
  EXPECT_FALSE(service_.verify(token));
}

TEST_F(TokenServiceTest, WhatTheClientMayDoNowCounts) {
  const auto token = issue("video-app", {"mec_app_support"});
  change("video-app", [](Client& c) {
    c.scopes = {"mec_service_mgmt"};
    c.app_instance_id = "app-2";
  });
  const auto principal = service_.verify(token);
  ASSERT_TRUE(principal);
  EXPECT_TRUE((*principal)->scopes.empty());
  EXPECT_EQ(app_instance_of(**principal), "app-2");
}

struct Forgery {
  std::string name;
  std::function<std::string(const nlohmann::json& claims, const SigningKey& key)> make;
};

std::string part(const nlohmann::json& json) { return base64url(json.dump()); }

// A token with that header, signed with our key: only the header can be what is refused.
std::string signed_with(const nlohmann::json& header, const nlohmann::json& claims,
                        const SigningKey& key) {
  const auto data = part(header) + "." + part(claims);
  return data + "." + base64url(key.sign(data));
}

nlohmann::json header_of(const SigningKey& key) {
  return {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key.id()}};
}

const std::vector<Forgery> kForgeries = {
    {"no_signature",
     [](const auto& c, const auto& k) { return part(header_of(k)) + "." + part(c) + "."; }},
    {"alg_none",
     [](const auto& c, const auto& k) {
       return part({{"alg", "none"}, {"kid", k.id()}}) + "." + part(c) + ".";
     }},
    {"alg_none_signed",
     [](const auto& c, const auto& k) {
       return signed_with({{"alg", "none"}, {"kid", k.id()}}, c, k);
     }},
    {"alg_of_another_family",
     [](const auto& c, const auto& k) {
       return signed_with({{"alg", "HS256"}, {"kid", k.id()}}, c, k);
     }},
    {"alg_in_another_case",
     [](const auto& c, const auto& k) {
       return signed_with({{"alg", "es256"}, {"kid", k.id()}}, c, k);
     }},
    {"no_alg", [](const auto& c, const auto& k) { return signed_with({{"kid", k.id()}}, c, k); }},
    {"unknown_kid",
     [](const auto& c, const auto& k) {
       return signed_with({{"alg", "ES256"}, {"kid", "x"}}, c, k);
     }},
    {"no_kid", [](const auto& c, const auto& k) { return signed_with({{"alg", "ES256"}}, c, k); }},
    {"critical_extension",
     [](const auto& c, const auto& k) {
       auto header = header_of(k);
       header["crit"] = {"b64"};
       return signed_with(header, c, k);
     }},
    {"header_is_a_list", [](const auto& c, const auto& k) { return signed_with({"ES256"}, c, k); }},
    {"changed_claims",
     [](auto c, const auto& k) {
       const auto token = signed_with(header_of(k), c, k);
       c["scope"] = "mm5";
       return token.substr(0, token.find('.') + 1) + part(c) + token.substr(token.rfind('.'));
     }},
    {"no_expiry",
     [](auto c, const auto& k) {
       c.erase("exp");
       return signed_with(header_of(k), c, k);
     }},
    {"expiry_is_text",
     [](auto c, const auto& k) {
       c["exp"] = "9999999999";
       return signed_with(header_of(k), c, k);
     }},
    {"audience_among_others",
     [](auto c, const auto& k) {
       c["aud"] = {"sluice-mep", "x"};
       return signed_with(header_of(k), c, k);
     }},
    {"a_fourth_part",
     [](const auto& c, const auto& k) { return signed_with(header_of(k), c, k) + ".x"; }},
    {"padding", [](const auto& c, const auto& k) { return signed_with(header_of(k), c, k) + "="; }},
    {"empty", [](const auto&, const auto&) { return std::string(); }},
    {"dots", [](const auto&, const auto&) { return std::string(".."); }},
    {"huge", [](const auto&, const auto&) { return std::string(100'000, 'A'); }},
    {"not_text", [](const auto&, const auto&) { return std::string("\xff\0.\x80.", 5); }},
};

TEST_F(TokenServiceTest, AGenuineTokenMadeLikeTheForgeriesPasses) {
  EXPECT_TRUE(service_.verify(signed_with(header_of(key()), claims(), key())));
}

TEST_F(TokenServiceTest, ForgeriesAreRefused) {
  for (const auto& forgery : kForgeries) {
    const auto verdict = service_.verify(forgery.make(claims(), key()));
    ASSERT_FALSE(verdict) << forgery.name;
    EXPECT_EQ(verdict.error().code, ErrorCode::kUnauthenticated) << forgery.name;
  }
}

}  // namespace
}  // namespace sluice::auth
