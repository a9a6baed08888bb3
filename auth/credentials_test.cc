// What credentials are made of: base64, secrets, the signing key and its file.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "auth/base64.h"
#include "auth/secret.h"
#include "auth/signing_key.h"

namespace sluice::auth {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "sluice-auth-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(Base64, EncodesAsTheStandardsExamples) {
  // RFC 4648 §10, without padding.
  const std::pair<std::string, std::string> cases[] = {{"", ""},           {"f", "Zg"},
                                                       {"fo", "Zm8"},      {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg"}, {"foobar", "Zm9vYmFy"},
                                                       {"\xfb\xff", "-_8"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64url(plain), encoded);
    const auto back = from_base64url(encoded);
    ASSERT_TRUE(back) << encoded;
    EXPECT_EQ(std::string(back->begin(), back->end()), plain);
  }
}

TEST(Base64, RefusesWhatIsNotTheOneEncodingOfAValue) {
  for (const char* text : {"A", "Zg==", "Z+8", "Z/8", "Zh", "Zm9", "Zg ", "Zm9vY", "\n"}) {
    EXPECT_FALSE(from_base64url(text)) << text;
  }
  EXPECT_EQ(from_base64("dXNlcjpwYXNz"), "user:pass");
  EXPECT_EQ(from_base64("Zg=="), "f");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_FALSE(from_base64("Zg=x"));
  EXPECT_FALSE(from_base64("Zg==="));
}

TEST(Secret, IsNewEveryTimeAndAtLeast256Bits) {
  EXPECT_NE(new_secret(), new_secret());
  EXPECT_EQ(from_base64url(new_secret())->size(), 32U);
}

TEST(Secret, MatchesItsHashOnlyAndSurvivesStoring) {
  const auto secret = new_secret();
  const auto stored = SecretHash::of(secret).to_string();
  EXPECT_EQ(stored.find(secret), std::string::npos);
  const auto hash = SecretHash::parse(stored);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->matches(secret));
  EXPECT_FALSE(hash->matches(new_secret()));
  EXPECT_FALSE(hash->matches(""));
  EXPECT_FALSE(SecretHash().matches(""));
}

TEST(Secret, HashesDifferlyForTheSameSecret) {
  EXPECT_NE(SecretHash::of("x"), SecretHash::of("x"));
  EXPECT_NE(SecretHash::of("x").fingerprint(), SecretHash::of("x").fingerprint());
}

TEST(Secret, RefusesWhatWasNeverStored) {
  const auto good = SecretHash::of("x").to_string();
  for (const auto& text : {std::string(), std::string("sha256:"), std::string("sha256::"),
                           "md5" + good.substr(6), good + "A", good.substr(0, good.size() - 1)}) {
    EXPECT_FALSE(SecretHash::parse(text)) << text;
  }
}

TEST(SigningKey, IsMadeOnceForItsOwnerOnlyAndReadAfterwards) {
  const TemporaryFolder folder;
  const auto path = folder.file("key.pem");
  const auto first = SigningKey::load_or_create(path);
  ASSERT_TRUE(first) << first.error().to_string();
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto second = SigningKey::load_or_create(path);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->id(), second->id());
  EXPECT_TRUE(second->verify("data", first->sign("data")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.file("")), {}), 1)
      << "something was left beside the key";
}

TEST(SigningKey, RefusesAFileThatOthersCanRead) {
  const TemporaryFolder folder;
  const auto path = folder.file("key.pem");
  ASSERT_TRUE(SigningKey::load_or_create(path));
  ::chmod(path.c_str(), 0640);
  const auto key = SigningKey::load_or_create(path);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kPermissionDenied);
}

TEST(SigningKey, RefusesAFileThatHoldsNoP256Key) {
  const TemporaryFolder folder;
  // What "openssl genpkey -algorithm ed25519" writes: a private key, of another kind.
  const std::string ed25519 =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n";
  for (const auto& text : {std::string(), std::string("not a key"), ed25519}) {
    const auto path = folder.file("key.pem");
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
    const auto key = SigningKey::load_or_create(path);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
    std::ifstream kept(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), text) << "never overwritten";
  }
}

TEST(SigningKey, VerifiesOnlyItsOwnSignaturesOfTheSameData) {
  const auto key = SigningKey::generate();
  const auto other = SigningKey::generate();
  const auto signature = key->sign("data");
  EXPECT_TRUE(key->verify("data", signature));
  EXPECT_FALSE(key->verify("datA", signature));
  EXPECT_FALSE(other->verify("data", signature));
  EXPECT_FALSE(key->verify("data", std::span(signature).first(63)));
  // R and S of zero satisfied implementations that forgot to look (CVE-2022-21449).
  EXPECT_FALSE(key->verify("data", SigningKey::Signature{}));
}

}  // namespace
}  // namespace sluice::auth
