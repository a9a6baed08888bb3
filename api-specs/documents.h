// The OpenAPI documents, compiled into the programs that serve them.
#pragma once

#include <span>
#include <string_view>

namespace sluice::api_specs {

struct Document {
  std::string_view name;  // "mm5"
  std::string_view yaml;  // complete: parts shared with other documents are in place
};

// Of sluice-mep.
std::span<const Document> documents();
// Of sluice-meao.
std::span<const Document> orchestrator_documents();
// Of sluice-mepm.
std::span<const Document> site_documents();

}  // namespace sluice::api_specs
