#include "auth/key_ring.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "auth/base64.h"
#include "auth/temporary_key_ring.h"

namespace sluice::auth {
namespace {

using std::chrono::seconds;

class KeyRingTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  TemporaryKeyRing folder_{clock_};
};

TEST_F(KeyRingTest, MakesAKeyOnceAndFindsItAgain) {
  const auto id = folder_.open()->signing()->id();
  const auto again = folder_.open();
  EXPECT_EQ(again->signing()->id(), id);
  EXPECT_TRUE(again->find(id));
  EXPECT_FALSE(again->find("another"));
  EXPECT_EQ(folder_.files(), 1U);
}

TEST_F(KeyRingTest, ARotatedKeyVerifiesUntilItsLastTokenHasExpired) {
  const auto ring = folder_.open();
  const auto first = ring->signing();
  clock_.advance(seconds(1000));
  ASSERT_TRUE(ring->rotate(KeyRing::Old::kKeep));
  EXPECT_NE(ring->signing()->id(), first->id());
  clock_.advance(seconds(600));  // what it signed at the last moment ends about now
  ASSERT_TRUE(ring->maintain());
  EXPECT_TRUE(ring->find(first->id()));
  EXPECT_EQ(folder_.files(), 2U);
  clock_.advance(seconds(5));
  ASSERT_TRUE(ring->maintain());
  EXPECT_FALSE(ring->find(first->id()));
  EXPECT_EQ(folder_.files(), 1U);
}

TEST_F(KeyRingTest, RotationsSurviveARestart) {
  auto ring = folder_.open();
  std::vector<std::string> ids;
  for (int i = 0; i < 11; ++i) {  // beyond 9: numbers sort as numbers
    ASSERT_TRUE(ring->rotate(KeyRing::Old::kKeep));
    ids.push_back(ring->signing()->id());
    ring = folder_.open();
    EXPECT_EQ(ring->signing()->id(), ids.back());
  }
  for (const auto& id : ids) EXPECT_TRUE(ring->find(id));
}

TEST_F(KeyRingTest, DroppingOldKeysLeavesTheNewOne) {
  const auto ring = folder_.open();
  const auto first = ring->signing()->id();
  ASSERT_TRUE(ring->rotate(KeyRing::Old::kDrop));
  EXPECT_FALSE(ring->find(first));
  EXPECT_EQ(ring->keys()->size(), 1U);
  EXPECT_EQ(folder_.files(), 1U);
  EXPECT_EQ(folder_.open()->signing()->id(), ring->signing()->id());
}

TEST_F(KeyRingTest, RotatesByAge) {
  folder_.options().max_age = seconds(100);
  const auto ring = folder_.open();
  const auto first = ring->signing()->id();
  clock_.advance(seconds(99));
  ASSERT_TRUE(ring->maintain());
  EXPECT_EQ(ring->signing()->id(), first);
  clock_.advance(seconds(1));
  ASSERT_TRUE(ring->maintain());
  EXPECT_NE(ring->signing()->id(), first);
  EXPECT_TRUE(ring->find(first));
}

TEST_F(KeyRingTest, AShorterLifetimeDoesNotCutTheTokensOfBefore) {
  folder_.options().token_lifetime = seconds(10'000);
  const auto first = folder_.open()->signing()->id();
  folder_.options().token_lifetime = seconds(10);
  const auto ring = folder_.open();
  EXPECT_NE(ring->signing()->id(), first);
  clock_.advance(seconds(9'999));
  ASSERT_TRUE(ring->maintain());
  EXPECT_TRUE(ring->find(first));
}

TEST_F(KeyRingTest, TakesOverTheKeyOfAnOlderVersion) {
  const auto old = SigningKey::load_or_create(folder_.options().single_key_file);
  ASSERT_TRUE(old);
  EXPECT_EQ(folder_.open()->signing()->id(), old->id());
  EXPECT_FALSE(std::filesystem::exists(folder_.options().single_key_file));
  EXPECT_EQ(folder_.open()->signing()->id(), old->id());
}

TEST_F(KeyRingTest, ClearsAwayWhatACrashLeft) {
  const auto id = folder_.open()->signing()->id();
  std::ofstream(folder_.options().directory + "/2-1-600.pem.new.77") << "half a k";
  EXPECT_EQ(folder_.open()->signing()->id(), id);
  EXPECT_EQ(folder_.files(), 1U);
}

TEST_F(KeyRingTest, RefusesAFolderThatItDoesNotUnderstand) {
  for (const auto* name : {"x.pem", "1-2.pem", "1-2-3.pem.old", "1--2-3.pem", "1-2-3.pem"}) {
    folder_.open();
    const auto path = folder_.options().directory + "/" + name;
    std::ofstream(path) << "no key";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    const auto ring = KeyRing::open(folder_.options(), clock_);
    ASSERT_FALSE(ring) << name;
    EXPECT_THAT(ring.error().message, ::testing::HasSubstr(name));
    std::filesystem::remove(path);
  }
}

TEST_F(KeyRingTest, ShowsThePublicHalvesOnly) {
  const auto ring = folder_.open();
  ASSERT_TRUE(ring->rotate(KeyRing::Old::kKeep));
  const auto keys = ring->jwks().at("keys");
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0]["kid"], ring->signing()->id());
  for (const auto& key : keys) {
    EXPECT_EQ(key["kty"], "EC");
    EXPECT_EQ(key["alg"], "ES256");
    EXPECT_EQ(from_base64url(key["x"].get<std::string>())->size(), 32U);
    EXPECT_EQ(from_base64url(key["y"].get<std::string>())->size(), 32U);
    EXPECT_FALSE(key.contains("d"));
  }
}

}  // namespace
}  // namespace sluice::auth
