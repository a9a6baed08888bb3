// The scopes of OAuth 2.0: names separated by spaces (RFC 6749 §3.3).
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace sluice::auth {

using Scopes = std::set<std::string, std::less<>>;

// One per API, named like it; the OpenAPI documents say which operation needs which.
inline constexpr std::string_view kScopeAppSupport = "mec_app_support";
inline constexpr std::string_view kScopeServiceManagement = "mec_service_mgmt";
inline constexpr std::string_view kScopeCapif = "capif";
inline constexpr std::string_view kScopeMm5 = "mm5";

Scopes split_scopes(std::string_view text);
std::string join_scopes(const Scopes& scopes);
// Those that are in both.
Scopes common_scopes(const Scopes& a, const Scopes& b);

}  // namespace sluice::auth
