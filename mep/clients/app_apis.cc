#include "mep/clients/app_apis.h"

namespace sluice::mep {

AppApis AppApis::of(std::span<const http::Contract> contracts) {
  AppApis out;
  for (const auto& contract : contracts) {
    for (const auto& operation : contract.operations()) {
      out.all_.insert(operation.scopes.begin(), operation.scopes.end());
    }
  }
  out.all_.erase(std::string(auth::kScopeMm5));
  out.usual_ = auth::common_scopes(
      out.all_, {std::string(auth::kScopeAppSupport), std::string(auth::kScopeServiceManagement),
                 std::string(auth::kScopeCapif)});
  return out;
}

Result<auth::Scopes> AppApis::read(const nlohmann::json& names, const std::string& path) const {
  auth::Scopes out{std::string(auth::kScopeAppSupport)};
  for (size_t i = 0; i < names.size(); ++i) {
    const auto name = names[i].is_string() ? names[i].get<std::string>() : std::string();
    if (!all_.contains(name)) {
      return bad_field(fmt::format("{}[{}]", path, i), "is none of {}", auth::join_scopes(all_));
    }
    out.insert(name);
  }
  return out;
}

}  // namespace sluice::mep
