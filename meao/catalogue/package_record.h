// A package as the orchestrator remembers it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/store/schema.h"

namespace sluice::meao {

//             upload begins,                all octets                 everything
//             fetch is asked for            are there                  holds
//   CREATED ─────────────────▶ UPLOADING ───────────▶ PROCESSING ───────────▶ ONBOARDED
//      ▲                        │     ▲ │                  │
//      │      a fetch fails     │     └─┘ parts            │ something does not
//      └────────────────────────┴──────────────────────────┘
//
// DELETE ends each of them. What is PROCESSING or being fetched when the program ends is processed,
// fetched, from its beginning when it starts again; an upload goes on where it was.
enum class OnboardingState : uint8_t { kCreated, kUploading, kProcessing, kOnboarded };

std::string_view to_string(OnboardingState state);  // "CREATED"

struct PackageRecord {
  std::string id;

  // As the operator created it.
  std::string name;
  std::string version;
  std::string provider;  // empty: not said
  HashAlgorithm checksum_algorithm = HashAlgorithm::kSha256;
  std::string checksum;  // lower case
  nlohmann::json user_data = nullptr;
  std::string source;  // appPkgPath; empty: it is uploaded

  OnboardingState state = OnboardingState::kCreated;
  bool enabled = false;
  uint64_t attempt = 0;              // of getting the content: names its file
  std::optional<uint64_t> size;      // of the content, in octets, when known
  nlohmann::json failure = nullptr;  // onboardingFailureDetails of the last attempt

  // Of an onboarded one.
  nlohmann::json appd = nullptr;
  std::string appd_path;  // in the package
  std::string appd_text;
  nlohmann::json images = nlohmann::json::array();     // softwareImages
  nlohmann::json artifacts = nlohmann::json::array();  // additionalArtifacts
  std::string certificate;                             // of the signer, PEM; empty: not signed

  // By which it is known: of the descriptor, or until then its own id.
  std::string appd_id() const { return appd.is_object() ? appd.value("appDId", id) : id; }
};

nlohmann::json to_json(const PackageRecord& record);
Result<PackageRecord> package_from_json(const nlohmann::json& value);

struct CatalogueRecords {
  store::Collection<PackageRecord> packages;  // by id
  // Which package an app instance was made from, by appInstanceId: while there is one, the package
  // is IN_USE.
  store::Collection<std::string> users;

  static CatalogueRecords add_to(store::Schema& schema);
};

}  // namespace sluice::meao
