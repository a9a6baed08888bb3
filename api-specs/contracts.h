// The OpenAPI documents as the router wants them.
#pragma once

#include <vector>

#include "api-specs/documents.h"
#include "base/http/contract.h"

namespace sluice::api_specs {

// All of `documents`, in their order. Fails for one that the router cannot read.
Result<std::vector<http::Contract>> load_contracts(std::span<const Document> documents);

}  // namespace sluice::api_specs
