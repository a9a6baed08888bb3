#include "mep/registry/transports.h"

#include <algorithm>

namespace sluice::mep::registry {

using nlohmann::json;

Transports::Transports(const std::string& base_uri) {
  const auto rest = [&](std::string_view id, std::string version) {
    TransportInfo out;
    out.id = id;
    out.name = "REST over HTTP/" + version;
    out.description = "The HTTP server of the MEC platform, JSON, OAuth 2.0 client credentials.";
    out.type = TransportType::kRestHttp;
    out.protocol = "HTTP";
    out.version = std::move(version);
    out.endpoint.uris = {base_uri};
    out.security = PackedJson(json{{"oAuth2Info",
                                    {{"grantTypes", {"OAUTH2_CLIENT_CREDENTIALS"}},
                                     {"tokenEndpoint", base_uri + "/oauth2/token"}}}});
    out.impl_specific_info = PackedJson(json{{"apiDocuments", base_uri + "/api-specs"}});
    return out;
  };
  all_ = {rest(kRestTransport, "1.1"), rest("rest-http2", "2.0")};
}

const TransportInfo* Transports::find(std::string_view id) const {
  const auto found = std::ranges::find(all_, id, &TransportInfo::id);
  return found == all_.end() ? nullptr : &*found;
}

}  // namespace sluice::mep::registry
