#include "auth/scopes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sluice::auth {

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

Scopes common_scopes(const Scopes& a, const Scopes& b) {
  Scopes out;
  std::ranges::set_intersection(a, b, std::inserter(out, out.end()));
  return out;
}

}  // namespace sluice::auth
