#include "mep/capif/description.h"

#include "base/net/ip_address.h"
#include "notify/callback_uri.h"

namespace sluice::mep::capif {
namespace {

using nlohmann::json;
using registry::ServiceRecord;
using registry::TransportInfo;

json interface_of(const std::string& host, uint16_t port) {
  json out;
  if (const auto address = IpAddress::parse(host)) {
    out[host.contains(':') ? "ipv6Addr" : "ipv4Addr"] = host;
  } else {
    out["fqdn"] = host;
  }
  if (port != 0) out["port"] = port;
  return out;
}

// The endpoint in CAPIF's words, as far as they reach; the extension has it whole.
void write_endpoint(const registry::EndPointInfo& endpoint, json& profile) {
  auto interfaces = json::array();
  if (endpoint.addresses) {
    for (const auto& a : *endpoint.addresses) interfaces.push_back(interface_of(a.host, a.port));
  }
  for (const auto& text : endpoint.uris.value_or(std::vector<std::string>{})) {
    const auto uri = notify::CallbackUri::parse(text);
    if (uri) interfaces.push_back(interface_of(uri->host, uri->port));
  }
  if (endpoint.fqdn && !endpoint.fqdn->empty()) {
    profile["domainName"] = endpoint.fqdn->front();
  } else if (!interfaces.empty()) {
    profile["interfaceDescriptions"] = std::move(interfaces);
  }
}

json profile_of(const ServiceRecord& record, const TransportInfo& transport) {
  const auto whole = to_json(transport);
  json extension = whole;
  extension.erase("id");
  auto versions = json::array();
  versions.push_back(json::object({{"apiVersion", record.info.version}}));
  json out = {{"aefId", transport.id},
              {"versions", std::move(versions)},
              {"dataFormat", to_string(record.info.serializer)},
              {kTransportInfo, std::move(extension)}};
  if (transport.protocol == "HTTP") {
    out["protocol"] = transport.version.starts_with("2") ? "HTTP_2" : "HTTP_1_1";
  }
  if (whole.at("security").contains("oAuth2Info")) out["securityMethods"] = json::array({"OAUTH"});
  write_endpoint(transport.endpoint, out);
  return out;
}

json service_info_of(const ServiceRecord& record) {
  const auto& info = record.info;
  json out = {{"serializer", to_string(info.serializer)},
              {"state", to_string(record.state())},
              {"scopeOfLocality", to_string(info.scope_of_locality)},
              {"consumedLocalOnly", info.consumed_local_only},
              {"isLocal", info.is_local}};
  if (info.category) out["category"] = to_json(*info.category);
  return out;
}

Result<registry::EndPointInfo> read_endpoint(const json& profile) {
  registry::EndPointInfo out;
  if (profile.contains("domainName")) {
    out.fqdn = {profile["domainName"].get<std::string>()};
    return out;
  }
  if (!profile.contains("interfaceDescriptions")) {
    return bad_field("aefProfiles[0]", "needs domainName or interfaceDescriptions");
  }
  auto& addresses = out.addresses.emplace();
  for (const auto& at : profile["interfaceDescriptions"]) {
    for (const auto* form : {"ipv4Addr", "ipv6Addr", "fqdn"}) {
      if (!at.contains(form)) continue;
      addresses.push_back({at[form].get<std::string>(), at.value("port", uint16_t{0})});
      break;
    }
  }
  if (!addresses.empty()) return out;
  return bad_field("aefProfiles[0].interfaceDescriptions", "names no address");
}

// A transport in MEC 011's form, so that the registry's own reader judges it.
Result<TransportInfo> read_transport(const json& profile) {
  auto body = profile.value(kTransportInfo, json::object());
  const auto protocol = profile.value("protocol", std::string("HTTP_1_1"));
  const bool http = protocol.starts_with("HTTP_");
  const auto otherwise = [&](const char* member, const json& value) {
    if (!body.contains(member)) body[member] = value;
  };
  body["id"] = profile.at("aefId");
  otherwise("name", profile.at("aefId"));
  otherwise("type", "REST_HTTP");
  otherwise("protocol", http ? "HTTP" : protocol);
  otherwise("version", protocol == "HTTP_2" ? "2.0" : "1.1");
  otherwise("security", json::object());
  if (!body.contains("endpoint")) {
    auto endpoint = read_endpoint(profile);
    if (!endpoint) return std::unexpected(endpoint.error());
    body["endpoint"] = to_json(*endpoint);
  }
  return registry::transport_from_json(body, "aefProfiles[0]");
}

}  // namespace

json describe(const std::string& id, const ServiceRecord& record, const TransportInfo& transport) {
  json out = record.capif.is_null() ? json::object() : record.capif.unpack();
  const auto published = record.capif.is_null() ? Result<ServiceRecord>(std::unexpected(Error{}))
                                                : read_description(out);
  // A transport or version that MEC 011 replaced since.
  if (!published || published->info.transport != transport ||
      published->info.version != record.info.version) {
    out["aefProfiles"] = json::array({profile_of(record, transport)});
  }
  out["apiName"] = record.info.name;
  out["apiId"] = id;
  out[kServiceInfo].update(service_info_of(record));
  if (record.info.category && !out.contains("serviceAPICategory")) {
    out["serviceAPICategory"] = record.info.category->name;
  }
  return out;
}

Result<ServiceRecord> read_description(const json& description) {
  if (!description.contains("aefProfiles") || description["aefProfiles"].empty()) {
    return bad_field("aefProfiles", "is required: a service needs a place to be reached at");
  }
  const auto& profile = description["aefProfiles"][0];
  auto transport = read_transport(profile);
  if (!transport) return std::unexpected(transport.error());

  auto body = description.value(kServiceInfo, json::object());
  const auto format = profile.value("dataFormat", std::string("JSON"));
  if (!body.contains("serializer")) {
    body["serializer"] = registry::parse_serializer(format) ? format : "JSON";
  }
  if (!body.contains("state")) body["state"] = "ACTIVE";
  if (body.contains("category")) body["serCategory"] = body["category"];
  body["serName"] = description.at("apiName");
  body["version"] = profile.at("versions").at(0).at("apiVersion");
  body["transportInfo"] = to_json(*transport);
  auto info = registry::service_from_json(body);
  if (!info) return std::unexpected(info.error());

  ServiceRecord out;
  out.info = std::move(*info);
  auto kept = description;
  kept.erase("apiId");
  out.capif = PackedJson(kept);
  return out;
}

}  // namespace sluice::mep::capif
