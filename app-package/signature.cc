#include "app-package/signature.h"

#include <openssl/pem.h>  // first: what cms.h declares depends on it

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <vector>

#include "base/freed_by.h"

namespace sluice::app_package {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Cms = std::unique_ptr<CMS_ContentInfo, FreedBy<CMS_ContentInfo_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using RevocationList = std::unique_ptr<X509_CRL, FreedBy<X509_CRL_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * certificates) const {
    sk_X509_pop_free(certificates, X509_free);
  }
};
using Certificates = std::unique_ptr<STACK_OF(X509), FreeStack>;

Bio reading(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// What OpenSSL says last is the most general; the reason that helps comes with it or before.
std::string openssl_reason() {
  std::string out;
  const char* data = nullptr;
  int flags = 0;
  while (const auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const auto* text = ERR_reason_error_string(code);
    if (text == nullptr) continue;
    if (!out.empty()) out += ", ";
    out += text;
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
      out += fmt::format(" ({})", data);
    }
  }
  return out.empty() ? "it does not fit" : out;
}

std::unexpected<Error> bad(std::string why) {
  ERR_clear_error();
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(why), {}});
}

// Takes all that the PEM file holds, by `add`. What cannot be read is an error, and not the end: a
// list that is lost would admit whom it names.
template <typename Add>
Result<void> read_all(const std::string& path, std::string_view what, Add add) {
  const Bio file(BIO_new_file(path.c_str(), "r"));
  size_t count = 0;
  ERR_clear_error();
  while (file && add(file.get())) ++count;
  const auto last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const auto reason = openssl_reason();
  if (!file) return fail(ErrorCode::kInvalidArgument, "{} cannot be read", path);
  if (!at_end) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} {} cannot be read: {}", path, what, count + 1,
                reason);
  }
  if (count == 0) return fail(ErrorCode::kInvalidArgument, "{} holds no {} in PEM", path, what);
  return {};
}

// Those whose authority has no list are not on one.
int admit_without_list(int good, X509_STORE_CTX* context) {
  if (X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL) return good;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

std::vector<Certificate> read_certificates(std::string_view pem) {
  std::vector<Certificate> out;
  const auto bio = reading(pem);
  while (auto* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    out.emplace_back(certificate);
  }
  ERR_clear_error();
  return out;
}

Cms read_signature(std::string_view signature) {
  const auto bio = reading(signature);
  if (signature.starts_with("-----BEGIN")) {
    return Cms(PEM_read_bio_CMS(bio.get(), nullptr, nullptr, nullptr));
  }
  return Cms(d2i_CMS_bio(bio.get(), nullptr));
}

std::string name_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

// RFC 5280 §4.2.1.3, §4.2.1.12: certificates may say what their keys are for.
Result<void> check_may_sign(X509* certificate) {
  const auto usage = X509_get_key_usage(certificate);  // all bits when it says nothing
  if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
    return bad(fmt::format("the certificate of {} is not for signatures", name_of(certificate)));
  }
  const auto extended = X509_get_extended_key_usage(certificate);
  if ((extended & (XKU_CODE_SIGN | XKU_SMIME | XKU_ANYEKU)) == 0) {
    return bad(fmt::format("the certificate of {} is for other purposes than signing packages",
                           name_of(certificate)));
  }
  return {};
}

Result<void> check_signer(CMS_SignerInfo* info) {
  X509* certificate = nullptr;
  X509_ALGOR* digest = nullptr;
  CMS_SignerInfo_get0_algs(info, nullptr, &certificate, &digest, nullptr);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, digest);
  const int nid = OBJ_obj2nid(object);
  if (nid != NID_sha256 && nid != NID_sha384 && nid != NID_sha512) {
    return bad(fmt::format("the signature uses {}, which is none of SHA-256, SHA-384 and SHA-512",
                           nid == NID_undef ? "an unknown hash" : OBJ_nid2sn(nid)));
  }
  if (certificate == nullptr) return bad("the certificate of the signer is missing");
  return check_may_sign(certificate);
}

}  // namespace

Result<Trust> Trust::load(const TrustFiles& files) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (!store) return fail(ErrorCode::kInternal, "libcrypto has no certificate store");
  const auto add_certificate = [&](BIO* file) {
    const Certificate certificate(PEM_read_bio_X509(file, nullptr, nullptr, nullptr));
    return certificate && X509_STORE_add_cert(store.get(), certificate.get()) == 1;
  };
  const auto add_list = [&](BIO* file) {
    const RevocationList list(PEM_read_bio_X509_CRL(file, nullptr, nullptr, nullptr));
    return list && X509_STORE_add_crl(store.get(), list.get()) == 1;
  };
  if (auto ok = read_all(files.certificates, "certificate", add_certificate); !ok) {
    return std::unexpected(ok.error());
  }
  if (!files.revocation_lists.empty()) {
    if (auto ok = read_all(files.revocation_lists, "revocation list", add_list); !ok) {
      return std::unexpected(ok.error());
    }
    X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_set_verify_cb(store.get(), admit_without_list);
  }
  // Any certificate in the file ends a chain, not only those that signed themselves. What keys are
  // for is checked here: the purpose that CMS assumes, e-mail, would refuse code signers.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_ANY);
  auto* parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);  // 112 bits: no SHA-1, no RSA below 2048
  return Trust(std::move(store));
}

Result<Signer> verify_signature(std::string_view signature, const SignedContent& content,
                                std::string_view certificates, const Trust& trust,
                                std::chrono::system_clock::time_point now) {
  ERR_clear_error();
  const auto cms = read_signature(signature);
  if (!cms) return bad("the signature is no CMS structure: " + openssl_reason());
  if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) {
    return bad("the signature is no signed-data of CMS");
  }
  if (CMS_is_detached(cms.get()) != 1) return bad("the signature has its content in it");
  const auto extra = read_certificates(certificates);
  const Certificates stack(sk_X509_new_null());
  for (const auto& certificate : extra) {
    X509_up_ref(certificate.get());
    sk_X509_push(stack.get(), certificate.get());
  }
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(trust.store()),
                             std::chrono::system_clock::to_time_t(now));
  const Bio bytes(content.file.empty()
                      ? BIO_new_mem_buf(content.text.data(), static_cast<int>(content.text.size()))
                      : BIO_new_file(content.file.c_str(), "rb"));
  if (!bytes) return bad("what is signed cannot be read");
  // A list in the signature would go before the operator's, and may be older than a revocation.
  constexpr unsigned kFlags = CMS_BINARY | CMS_NOCRL;
  if (CMS_verify(cms.get(), stack.get(), trust.store(), bytes.get(), nullptr, kFlags) != 1) {
    return bad("the signature is not good: " + openssl_reason());
  }
  auto* infos = CMS_get0_SignerInfos(cms.get());
  for (int i = 0; i < sk_CMS_SignerInfo_num(infos); ++i) {
    if (auto ok = check_signer(sk_CMS_SignerInfo_value(infos, i)); !ok) {
      return std::unexpected(ok.error());
    }
  }
  auto* signers = CMS_get0_signers(cms.get());
  if (signers == nullptr || sk_X509_num(signers) == 0) return bad("nobody signed it");
  auto* first = sk_X509_value(signers, 0);
  const Bio pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(pem.get(), first);
  Signer out{name_of(first), text_of(pem.get())};
  sk_X509_free(signers);
  return out;
}

}  // namespace sluice::app_package
