#include "base/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "base/unique_fd.h"

namespace sluice {

std::optional<HashAlgorithm> parse_hash_algorithm(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '-' || c == '_') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (plain == "sha256") return HashAlgorithm::kSha256;
  if (plain == "sha512") return HashAlgorithm::kSha512;
  return std::nullopt;
}

std::string_view to_string(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha256 ? "SHA-256" : "SHA-512";
}

size_t hex_size(HashAlgorithm algorithm) { return algorithm == HashAlgorithm::kSha256 ? 64 : 128; }

std::optional<std::string> parse_hash(HashAlgorithm algorithm, std::string_view text) {
  if (text.size() != hex_size(algorithm)) return std::nullopt;
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    out += c;
  }
  return out;
}

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest(HashAlgorithm algorithm) : context_(EVP_MD_CTX_new()) {
  const auto* type = algorithm == HashAlgorithm::kSha256 ? EVP_sha256() : EVP_sha512();
  if (!context_ || EVP_DigestInit_ex(context_.get(), type, nullptr) != 1) {
    throw std::runtime_error("libcrypto computes no digests");
  }
}

void Digest::update(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), value.data(), &size);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", value[i]);
  return out;
}

Result<std::string> digest_of_file(const std::string& path, HashAlgorithm algorithm) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    const auto code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
    return fail(code, "{}", errno_error("open " + path).message);
  }
  Digest digest(algorithm);
  std::vector<char> buffer(256 * 1024);
  for (;;) {
    const auto n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCode::kUnavailable, "{}", errno_error("read " + path).message);
    if (n == 0) return digest.hex();
    digest.update({buffer.data(), static_cast<size_t>(n)});
  }
}

}  // namespace sluice
