#include "auth/signing_key.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "auth/base64.h"
#include "base/freed_by.h"
#include "base/unique_fd.h"

namespace sluice::auth {
namespace {

using Pkey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, FreedBy<ECDSA_SIG_free>>;
using Bignum = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;

constexpr int kCoordinate = 32;  // octets of a P-256 coordinate or scalar
constexpr off_t kMaxKeyFile = 16 * 1024;

std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const Bignum number(raw);
  std::array<uint8_t, kCoordinate> bytes{};
  if (BN_bn2binpad(number.get(), bytes.data(), kCoordinate) != kCoordinate) return {};
  return base64url(bytes);
}

// RFC 7638 §3.2: the required members in this order, without white space.
std::string thumbprint(const EVP_PKEY* key) {
  const std::string jwk = fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})",
                                      coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X),
                                      coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y));
  std::array<uint8_t, 32> hash{};
  unsigned size = 0;
  EVP_Digest(jwk.data(), jwk.size(), hash.data(), &size, EVP_sha256(), nullptr);
  return base64url(hash);
}

bool is_p256(const EVP_PKEY* key) {
  char group[64] = {};
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &size) == 1 &&
         std::string_view(group) == "prime256v1";
}

std::string to_pem(EVP_PKEY* key) {
  const Bio memory(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

// Written aside and linked into place: a crash leaves the whole file or none, and of two programs
// that start at the same time one wins.
Result<void> write_private(const std::string& path, std::string_view text) {
  const std::string aside = path + ".new." + std::to_string(::getpid());
  const UniqueFd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno_error("create " + aside));
  const bool written =
      ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file.get()) == 0;
  const bool linked = written && ::link(aside.c_str(), path.c_str()) == 0;
  const bool exists = written && !linked && errno == EEXIST;
  const auto error = errno_error("write " + path);
  ::unlink(aside.c_str());
  if (exists) return fail(ErrorCode::kConflict, "{} exists already", path);
  if (!linked) return std::unexpected(error);
  const auto slash = path.rfind('/');
  const UniqueFd folder(::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(),
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return std::unexpected(errno_error("sync " + path));
  return {};
}

// Nothing when there is no such file.
Result<std::optional<std::string>> read_private(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return std::unexpected(errno_error("open " + path));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(errno_error("stat " + path));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                "{} can be accessed by others than its owner; chmod 600 it if it is still secret, "
                "else delete it",
                path);
  }
  if (status.st_size > kMaxKeyFile) return fail(ErrorCode::kInvalidArgument, "{} is no key", path);
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t n = ::read(file.get(), text.data(), text.size());
  if (n < 0) return std::unexpected(errno_error("read " + path));
  text.resize(static_cast<size_t>(n));
  return text;
}

}  // namespace

struct SigningKey::Key {
  Pkey pkey;
};

SigningKey::SigningKey(std::unique_ptr<Key> key)
    : key_(std::move(key)), id_(thumbprint(key_->pkey.get())) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::generate() {
  auto key = std::make_unique<Key>(Key{Pkey(EVP_EC_gen("P-256"))});
  if (!key->pkey) return fail(ErrorCode::kInternal, "cannot make a P-256 key");
  return SigningKey(std::move(key));
}

Result<SigningKey> SigningKey::load(const std::string& path) {
  const auto text = read_private(path);
  if (!text) return std::unexpected(text.error());
  if (!*text) return fail(ErrorCode::kNotFound, "there is no {}", path);
  const Bio memory(BIO_new_mem_buf((*text)->data(), static_cast<int>((*text)->size())));
  // A key under a pass phrase is refused: there is nobody to ask.
  const auto no_pass_phrase = [](char*, int, int, void*) { return -1; };
  auto key = std::make_unique<Key>(
      Key{Pkey(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_pass_phrase, nullptr))});
  if (!key->pkey || !is_p256(key->pkey.get())) {
    return fail(ErrorCode::kInvalidArgument, "{} is not a P-256 private key in PEM", path);
  }
  return SigningKey(std::move(key));
}

Result<void> SigningKey::save(const std::string& path) const {
  return write_private(path, to_pem(key_->pkey.get()));
}

Result<SigningKey> SigningKey::load_or_create(const std::string& path) {
  auto key = load(path);
  if (key || key.error().code != ErrorCode::kNotFound) return key;
  const auto made = generate();
  if (!made) return std::unexpected(made.error());
  if (auto ok = made->save(path); !ok && ok.error().code != ErrorCode::kConflict) {
    return std::unexpected(ok.error());
  }
  return load(path);  // ours, or that of a program that was faster
}

nlohmann::json SigningKey::public_jwk() const {
  const auto* key = key_->pkey.get();
  return {{"kty", "EC"},
          {"crv", "P-256"},
          {"x", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X)},
          {"y", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y)},
          {"kid", id_},
          {"use", "sig"},
          {"alg", "ES256"}};
}

SigningKey::Signature SigningKey::sign(std::string_view data) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::array<uint8_t, 80> der{};  // at most 72 for P-256
  size_t size = der.size();
  Signature out{};
  const uint8_t* at = der.data();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size,
                     reinterpret_cast<const uint8_t*>(data.data()), data.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  if (!signature) throw std::runtime_error("cannot sign");
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), kCoordinate);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + kCoordinate, kCoordinate);
  return out;
}

bool SigningKey::verify(std::string_view data, std::span<const uint8_t> signature) const {
  if (signature.size() != Signature().size()) return false;
  const EcdsaSignature parts(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(signature.data(), kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(signature.data() + kCoordinate, kCoordinate, nullptr);
  if (ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  uint8_t* raw = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &raw);
  const std::unique_ptr<uint8_t, void (*)(uint8_t*)> der(raw, [](uint8_t* p) { OPENSSL_free(p); });
  if (size <= 0) return false;
  const DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) ==
             1 &&
         EVP_DigestVerify(context.get(), der.get(), static_cast<size_t>(size),
                          reinterpret_cast<const uint8_t*>(data.data()), data.size()) == 1;
}

}  // namespace sluice::auth
