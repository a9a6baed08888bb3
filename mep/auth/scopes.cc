#include "mep/auth/scopes.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::mep::auth {

Scopes split_scopes(std::string_view text) {
  Scopes out;
  while (!text.empty()) {
    const auto scope = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(scope.size() + 1, text.size()));
    if (!scope.empty()) out.emplace(scope);
  }
  return out;
}

std::string join_scopes(const Scopes& scopes) { return fmt::format("{}", fmt::join(scopes, " ")); }

}  // namespace sluice::mep::auth
