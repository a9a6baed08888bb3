#include "meao/catalogue/app_pkg_info.h"

#include "base/http/percent.h"

namespace sluice::meao {

using nlohmann::json;

std::string collection_path(Edition edition) {
  return edition == Edition::k211 ? "/app_pkgm/v1/app_packages"
                                  : "/app_pkgm/v1/onboarded_app_packages";
}

std::string package_path(Edition edition, const PackageRecord& record) {
  return collection_path(edition) + "/" +
         (edition == Edition::k211 ? record.id : http::percent_encode(record.appd_id()));
}

json app_pkg_info(const PackageRecord& r, const InfoContext& context) {
  const auto of = [&](const char* member, const std::string& before) {
    return r.appd.is_object() ? r.appd.value(member, before) : before;
  };
  const auto self = context.public_uri + package_path(context.edition, r);
  json out = {
      {"id", r.id},
      {"appDId", r.appd_id()},
      {"appName", of("appName", r.name)},
      {"appSoftwareVersion", of("appSoftVersion", r.version)},
      {"appDVersion", of("appDVersion", r.version)},
      {"checksum", {{"algorithm", to_string(r.checksum_algorithm)}, {"hash", r.checksum}}},
      {"softwareImages", r.images},
      {"additionalArtifacts", r.artifacts},
      {"onboardingState", to_string(r.state)},
      {"operationalState", r.enabled ? "ENABLED" : "DISABLED"},
      {"usageState", context.in_use ? "IN_USE" : "NOT_IN_USE"},
      {"mecInfo", r.appd.is_object() ? r.appd.value("mecVersion", json::array()) : json::array()},
      {"_links",
       {{"self", {{"href", self}}},
        {"appD", {{"href", self + "/appd"}}},
        {"appPkgContent", {{"href", self + "/package_content"}}}}}};
  if (const auto provider = of("appProvider", r.provider); !provider.empty()) {
    out["appProvider"] = provider;
  }
  if (!r.certificate.empty()) out["signingCertificate"] = r.certificate;
  if (!r.user_data.is_null()) out["userDefinedData"] = r.user_data;
  if (!r.failure.is_null()) out["onboardingFailureDetails"] = r.failure;
  if (context.received) {
    out["uploadProgress"] = {{"received", *context.received}};
    if (r.size) out["uploadProgress"]["size"] = *r.size;
  }
  return out;
}

}  // namespace sluice::meao
