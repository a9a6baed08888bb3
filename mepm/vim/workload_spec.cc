#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "mepm/vim/vim.h"

namespace sluice::mepm {

std::string WorkloadSpec::fingerprint() const {
  auto all = nlohmann::json::array();
  for (const auto& c : containers) {
    all.push_back({c.name, c.image, c.cpu_millis, c.memory_bytes, c.environment});
  }
  Digest digest(HashAlgorithm::kSha256);
  digest.update(nlohmann::json{id, address.to_string(), all, secret_variable}.dump());
  return digest.hex();
}

}  // namespace sluice::mepm
