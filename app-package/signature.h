// Signatures over packages: CMS (RFC 5652), detached, by certificates that the operator trusts.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct x509_store_st;

namespace sluice::app_package {

// Paths of PEM files.
struct TrustFiles {
  std::string certificates;      // of authorities, or of signers themselves
  std::string revocation_lists;  // of these authorities (RFC 5280 §5); empty: none
};

// Whose signatures count. An authority with a list in the files counts as long as the list is
// current, and none of what is on it does; authorities without a list revoke nothing.
class Trust {
 public:
  // kInvalidArgument when a file holds nothing of what it is for, or any of it is damaged.
  static Result<Trust> load(const TrustFiles& files);

  x509_store_st* store() const { return store_.get(); }

 private:
  explicit Trust(std::shared_ptr<x509_store_st> store) : store_(std::move(store)) {}
  std::shared_ptr<x509_store_st> store_;
};

// What a signature covers: text in memory, or a file.
struct SignedContent {
  std::string_view text;
  std::string file;  // path; empty: `text`
};

// The signer's name ("CN=Example Apps") and certificate (PEM) when the signature (PEM or DER) is
// good at that time: every signer's chain leads to a trusted certificate, may sign, and uses
// SHA-256 or stronger. `certificates` (PEM, may be empty) may hold those that are not in the
// signature. kInvalidArgument says what is wrong.
struct Signer {
  std::string name;
  std::string certificate;
};
Result<Signer> verify_signature(std::string_view signature, const SignedContent& content,
                                std::string_view certificates, const Trust& trust,
                                std::chrono::system_clock::time_point now);

}  // namespace sluice::app_package
