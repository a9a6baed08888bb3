#include "app-package/reader_config.h"

namespace sluice::app_package {
namespace {

SignaturePolicy signature_policy(const std::string& word) {
  if (word == "required") return SignaturePolicy::kRequired;
  return word == "if_present" ? SignaturePolicy::kIfPresent : SignaturePolicy::kIgnored;
}

void read_trust(ConfigNode& node, ReaderOptions& out) {
  out.signature = signature_policy(
      node.choice("signatures", "required", {"required", "if_present", "ignored"}));
  out.trust.certificates = node.text("trusted_certificates", "");
  out.trust.revocation_lists = node.text("revocation_lists", "");
  if (out.signature != SignaturePolicy::kIgnored && out.trust.certificates.empty()) {
    node.problem(
        "trusted_certificates",
        "is needed unless signatures are ignored: a PEM file with the certificates of those "
        "whose packages are taken");
  }
}

}  // namespace

void read_reader_options(ConfigNode& node, ReaderOptions& out) {
  constexpr int64_t kMebi = 1 << 20;
  read_trust(node, out);
  out.archive.files = static_cast<size_t>(node.integer("max_files", 10'000, 3, 1'000'000));
  out.archive.unpacked = static_cast<uint64_t>(
      node.integer("max_unpacked_bytes", 65'536 * kMebi, kMebi, 1024LL * 1024 * kMebi));
  out.archive.ratio = static_cast<uint64_t>(node.integer("max_ratio", 100, 1, 1032));
}

}  // namespace sluice::app_package
