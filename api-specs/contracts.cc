#include "api-specs/contracts.h"

namespace sluice::api_specs {

Result<std::vector<http::Contract>> load_contracts(std::span<const Document> documents) {
  std::vector<http::Contract> out;
  for (const auto& document : documents) {
    auto contract = http::Contract::load(std::string(document.name), document.yaml);
    if (!contract) return std::unexpected(contract.error());
    out.push_back(std::move(*contract));
  }
  return out;
}

}  // namespace sluice::api_specs
