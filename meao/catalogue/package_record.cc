#include "meao/catalogue/package_record.h"

#include <algorithm>
#include <array>

namespace sluice::meao {
namespace {

using nlohmann::json;

constexpr std::array kStates = {"CREATED", "UPLOADING", "PROCESSING", "ONBOARDED"};

json user_to_json(const std::string& package) { return package; }
Result<std::string> user_from_json(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return fail(ErrorCode::kInternal, "not the id of a package");
}

}  // namespace

std::string_view to_string(OnboardingState state) { return kStates[static_cast<size_t>(state)]; }

json to_json(const PackageRecord& r) {
  json out = {{"id", r.id},
              {"name", r.name},
              {"version", r.version},
              {"provider", r.provider},
              {"checksumAlgorithm", to_string(r.checksum_algorithm)},
              {"checksum", r.checksum},
              {"userData", r.user_data},
              {"source", r.source},
              {"state", to_string(r.state)},
              {"enabled", r.enabled},
              {"attempt", r.attempt},
              {"failure", r.failure}};
  if (r.size) out["size"] = *r.size;
  if (r.state != OnboardingState::kOnboarded) return out;
  out["appd"] = r.appd;
  out["appdPath"] = r.appd_path;
  out["appdText"] = r.appd_text;
  out["images"] = r.images;
  out["artifacts"] = r.artifacts;
  out["certificate"] = r.certificate;
  return out;
}

Result<PackageRecord> package_from_json(const json& value) {
  try {
    PackageRecord r;
    r.id = value.at("id").get<std::string>();
    r.name = value.at("name").get<std::string>();
    r.version = value.at("version").get<std::string>();
    r.provider = value.value("provider", "");
    r.checksum_algorithm = parse_hash_algorithm(value.at("checksumAlgorithm").get<std::string>())
                               .value_or(HashAlgorithm::kSha256);
    r.checksum = value.at("checksum").get<std::string>();
    r.user_data = value.value("userData", json());
    r.source = value.value("source", "");
    const auto state = std::ranges::find(kStates, value.at("state").get<std::string>());
    if (state == kStates.end()) return fail(ErrorCode::kInternal, "of an unknown state");
    r.state = static_cast<OnboardingState>(state - kStates.begin());
    r.enabled = value.at("enabled").get<bool>();
    r.attempt = value.at("attempt").get<uint64_t>();
    if (value.contains("size")) r.size = value["size"].get<uint64_t>();
    r.failure = value.value("failure", json());
    r.appd = value.value("appd", json());
    r.appd_path = value.value("appdPath", "");
    r.appd_text = value.value("appdText", "");
    r.images = value.value("images", json::array());
    r.artifacts = value.value("artifacts", json::array());
    r.certificate = value.value("certificate", "");
    return r;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored package cannot be read: {}", e.what());
  }
}

CatalogueRecords CatalogueRecords::add_to(store::Schema& schema) {
  return {schema.add("package", to_json, package_from_json),
          schema.add("package_user", user_to_json, user_from_json)};
}

}  // namespace sluice::meao
