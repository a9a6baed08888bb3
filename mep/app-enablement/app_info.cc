#include "mep/app-enablement/app_info.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/net/ip_address.h"
#include "traffic-rules/domain_name.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::DomainName;

constexpr std::array kMembers = {"appName",
                                 "appProvider",
                                 "appCategory",
                                 "appDId",
                                 "appInstanceId",
                                 "isInsByMec",
                                 "endpoint",
                                 "appServiceRequired",
                                 "appServiceOptional",
                                 "appFeatureRequired",
                                 "appFeatureOptional",
                                 "appServiceProduced",
                                 "appProfile"};
// A descriptor says this, and says it once (§7.1.2.6).
constexpr std::array kOfDescriptor = {"appServiceRequired", "appServiceOptional",
                                      "appFeatureRequired", "appFeatureOptional",
                                      "appServiceProduced"};

std::optional<std::string> text_of(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// "scheme:" and something behind it, without blanks or control characters (RFC 3986 §3).
bool is_uri(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return false;
  const auto is_letter = [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; };
  const auto in_scheme = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return is_letter(text[0]) &&
         std::all_of(text.begin(), text.begin() + static_cast<long>(colon), in_scheme) &&
         std::ranges::none_of(text, [](char c) { return c <= ' ' || c == 127; });
}

bool is_host(const std::string& text) { return IpAddress::parse(text) || DomainName::parse(text); }

Result<void> check_endpoint(const json& endpoint) {
  size_t ways = 0;
  for (const auto* way : {"uris", "fqdn", "addresses", "alternative"}) ways += endpoint.count(way);
  if (ways != 1) {
    return bad_field("endpoint", "needs exactly one of uris, fqdn, addresses and alternative");
  }
  const auto each = [&](const char* way, auto good, const char* what) -> Result<void> {
    if (!endpoint.contains(way)) return {};
    for (size_t i = 0; i < endpoint[way].size(); ++i) {
      if (!good(endpoint[way][i]))
        return bad_field(fmt::format("endpoint.{}[{}]", way, i), "{}", what);
    }
    return {};
  };
  if (auto ok = each("uris", [](const json& v) { return is_uri(v); }, "is not a URI"); !ok)
    return ok;
  if (auto ok = each(
          "fqdn", [](const json& v) { return bool(DomainName::parse(v.get<std::string>())); },
          "is not a domain name");
      !ok) {
    return ok;
  }
  return each(
      "addresses", [](const json& v) { return is_host(v.at("host")); },
      "has a host that is neither an address nor a name");
}

bool lists(const json& endpoint, const char* way, const char* member, const std::string& wanted) {
  const auto found = endpoint.find(way);
  return found != endpoint.end() && std::ranges::any_of(*found, [&](const json& item) {
           return (item.is_object() ? item.value(member, "") : item.get<std::string>()) == wanted;
         });
}

// Notes 1 and 2: what the profile repeats is the same. TS 29.558: an EndPoint has uri, fqdn,
// ipv4Addrs or ipv6Addrs.
Result<void> check_profile(const json& info, const json& profile) {
  const auto provider = text_of(profile, "provId");
  if (provider && info.contains("appProvider") && info["appProvider"] != *provider) {
    return bad_field("appProfile.provId", "is not appProvider");
  }
  const auto point = profile.find("endPt");
  if (point == profile.end() || !info.contains("endpoint")) return {};
  if (!point->is_object()) return bad_field("appProfile.endPt", "must be an object");
  const auto& endpoint = info["endpoint"];
  bool same = !endpoint.contains("alternative");
  if (const auto uri = text_of(*point, "uri")) same = lists(endpoint, "uris", "", *uri);
  if (const auto name = text_of(*point, "fqdn")) same = same && lists(endpoint, "fqdn", "", *name);
  for (const auto* family : {"ipv4Addrs", "ipv6Addrs"}) {
    const auto addresses = point->find(family);
    if (addresses == point->end() || !addresses->is_array()) continue;
    same = same && std::ranges::any_of(*addresses, [&](const json& a) {
             return a.is_string() && lists(endpoint, "addresses", "host", a);
           });
  }
  if (!same && !endpoint.contains("alternative")) {
    return bad_field("appProfile.endPt", "is not one of endpoint");
  }
  return {};
}

// An instance that the orchestrator started (§7.1.2.6, "shall be present if ... MEC Management").
Result<void> check_provisioned(const json& info, const Registrant& registrant) {
  for (const auto* member : {"appDId", "appInstanceId"}) {
    if (!info.contains(member)) return bad_field(member, "is required with isInsByMec");
  }
  if (info["appInstanceId"] != registrant.app_instance_id.value_or("")) {
    return std::unexpected(Error{ErrorCode::kPermissionDenied,
                                 "is not the app instance of the access token", "appInstanceId"});
  }
  if (!registrant.provisioned_name) {
    return bad_field("isInsByMec", "the platform manager did not provision this app instance");
  }
  if (info["appName"] != *registrant.provisioned_name) {
    return bad_field("appName", "is not that of the descriptor, '{}'",
                     *registrant.provisioned_name);
  }
  for (const auto* member : kOfDescriptor) {
    if (info.contains(member)) {
      return bad_field(member, "is a matter of the descriptor where there is one");
    }
  }
  return {};
}

Result<void> check_self_registered(const json& info, const Registrant& registrant) {
  if (registrant.provisioned_name) {
    return bad_field("isInsByMec",
                     "must be true, as the platform manager provisioned this instance");
  }
  if (!info.contains("endpoint")) {
    return bad_field("endpoint", "is required without isInsByMec");
  }
  if (!info.contains("appInstanceId")) return {};
  if (!registrant.app_instance_id) {
    return bad_field("appInstanceId", "is allocated by the platform; leave it out");
  }
  if (info["appInstanceId"] != *registrant.app_instance_id) {
    return std::unexpected(Error{ErrorCode::kPermissionDenied,
                                 "is not the app instance of the access token", "appInstanceId"});
  }
  return {};
}

}  // namespace

Result<json> read_app_info(const json& body, const Registrant& registrant) {
  auto info = json::object();
  for (const auto* member : kMembers) {
    if (body.contains(member)) info[member] = body[member];
  }
  const bool by_mec = info.value("isInsByMec", false);
  info["isInsByMec"] = by_mec;
  auto ok = by_mec ? check_provisioned(info, registrant) : check_self_registered(info, registrant);
  if (ok && info.contains("endpoint")) ok = check_endpoint(info["endpoint"]);
  if (ok && info.contains("appProfile")) ok = check_profile(info, info["appProfile"]);
  if (!ok) return std::unexpected(ok.error());
  return info;
}

}  // namespace sluice::mep
