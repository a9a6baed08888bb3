#include <fmt/ranges.h>

#include "mep/registry/model.h"

namespace sluice::mep::registry {
namespace {

using nlohmann::json;

std::string below(const std::string& path, std::string_view member) {
  if (path.empty() || member.empty()) return path + std::string(member);
  return fmt::format("{}.{}", path, member);
}

// Reads one object; the first problem stays and the rest is read as defaults.
class Reader {
 public:
  Reader(const json& object, std::string path) : json_(object), path_(std::move(path)) {
    if (!json_.is_object()) problem("", "must be an object");
  }

  std::string text(const char* name, bool required) {
    const auto* value = find(name, required);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    problem(name, "must be a string");
    return {};
  }
  bool flag(const char* name, bool fallback) {
    const auto* value = find(name, false);
    if (value == nullptr) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    problem(name, "must be true or false");
    return fallback;
  }
  std::optional<uint64_t> number(const char* name, uint64_t most, bool required) {
    const auto* value = find(name, required);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_integer() && *value >= 0 && *value <= most) return value->get<uint64_t>();
    problem(name, fmt::format("must be a whole number from 0 to {}", most));
    return std::nullopt;
  }
  template <typename T>
  T word(const char* name, std::optional<T> (*parse)(std::string_view), std::optional<T> fallback) {
    if (!json_.is_object() || (fallback && !json_.contains(name))) return fallback.value_or(T{});
    const auto value = parse(text(name, true));
    if (!value) problem(name, "is not a word known here");
    return value.value_or(T{});
  }
  std::optional<std::vector<std::string>> texts(const char* name) {
    const auto* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    std::vector<std::string> out;
    if (!value->is_array()) problem(name, "must be an array");
    for (const auto& item : *value) {
      if (!item.is_string()) {
        problem(name, "must hold strings");
        break;
      }
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  // An object as it stands; null when absent.
  PackedJson object(const char* name) {
    const auto* value = find(name, false);
    if (value == nullptr) return {};
    if (!value->is_object()) problem(name, "must be an object");
    return PackedJson(*value);
  }
  template <typename T>
  std::optional<T> part(const char* name, bool required,
                        Result<T> (*read)(const json&, const std::string&)) {
    const auto* value = find(name, required);
    if (value == nullptr) return std::nullopt;
    auto out = read(*value, below(path_, name));
    if (out) return std::move(*out);
    if (!error_) error_ = std::move(out.error());
    return std::nullopt;
  }

  const json* find(const char* name, bool required) {
    const auto found = json_.is_object() ? json_.find(name) : json_.end();
    if (found != json_.end()) return &*found;
    if (required) problem(name, "is required");
    return nullptr;
  }
  void problem(std::string_view name, std::string_view message) {
    if (!error_) {
      error_ = Error{ErrorCode::kInvalidArgument, std::string(message), below(path_, name)};
    }
  }
  template <typename T>
  Result<T> result(T value) {
    if (error_) return std::unexpected(std::move(*error_));
    return value;
  }

 private:
  const json& json_;
  const std::string path_;
  std::optional<Error> error_;
};

Result<HostPort> host_port_from_json(const json& object, const std::string& path) {
  Reader in(object, path);
  HostPort out;
  out.host = in.text("host", true);
  out.port = static_cast<uint16_t>(in.number("port", 65535, true).value_or(0));
  return in.result(std::move(out));
}

Result<std::vector<HostPort>> addresses_from_json(const json& list, const std::string& path) {
  if (!list.is_array()) return bad_field(path, "must be an array");
  std::vector<HostPort> out;
  for (size_t i = 0; i < list.size(); ++i) {
    auto one = host_port_from_json(list[i], fmt::format("{}[{}]", path, i));
    if (!one) return std::unexpected(one.error());
    out.push_back(std::move(*one));
  }
  return out;
}

Result<EndPointInfo> endpoint_from_json(const json& object, const std::string& path) {
  Reader in(object, path);
  EndPointInfo out;
  out.uris = in.texts("uris");
  out.fqdn = in.texts("fqdn");
  out.addresses = in.part("addresses", false, addresses_from_json);
  out.alternative = in.object("alternative");
  const int forms = int{out.uris.has_value()} + int{out.fqdn.has_value()} +
                    int{object.is_object() && object.contains("addresses")} +
                    int{!out.alternative.is_null()};
  if (forms != 1) {
    in.problem("", fmt::format("needs exactly one of uris, fqdn, addresses and alternative, got {}",
                               forms));
  }
  return in.result(std::move(out));
}

// The text of §8.1.5.4 has a list of grant types, the published schema one word: both are read.
json normalised_security(json security) {
  const auto info = security.find("oAuth2Info");
  if (info == security.end() || !info->is_object()) return security;
  const auto grants = info->find("grantTypes");
  if (grants != info->end() && grants->is_string()) *grants = json::array({*grants});
  return security;
}

}  // namespace

json to_json(const CategoryRef& c) {
  return {{"href", c.href}, {"id", c.id}, {"name", c.name}, {"version", c.version}};
}

json to_json(const EndPointInfo& endpoint) {
  json out = json::object();
  if (endpoint.uris) out["uris"] = *endpoint.uris;
  if (endpoint.fqdn) out["fqdn"] = *endpoint.fqdn;
  if (endpoint.addresses) {
    auto& list = out["addresses"] = json::array();
    for (const auto& a : *endpoint.addresses) list.push_back({{"host", a.host}, {"port", a.port}});
  }
  if (!endpoint.alternative.is_null()) out["alternative"] = endpoint.alternative.unpack();
  return out;
}

json to_json(const TransportInfo& t) {
  json out = {{"id", t.id},
              {"name", t.name},
              {"type", to_string(t.type)},
              {"protocol", t.protocol},
              {"version", t.version},
              {"endpoint", to_json(t.endpoint)},
              {"security", t.security.unpack()}};
  if (!t.description.empty()) out["description"] = t.description;
  if (!t.impl_specific_info.is_null()) out["implSpecificInfo"] = t.impl_specific_info.unpack();
  return out;
}

json to_json(const ServiceInfo& s) {
  json out = {{"serName", s.name},
              {"version", s.version},
              {"state", to_string(s.state)},
              {"serializer", to_string(s.serializer)},
              {"scopeOfLocality", to_string(s.scope_of_locality)},
              {"consumedLocalOnly", s.consumed_local_only},
              {"isLocal", s.is_local}};
  if (s.category) out["serCategory"] = to_json(*s.category);
  if (!s.transport_id.empty()) out["transportId"] = s.transport_id;
  if (s.transport) out["transportInfo"] = to_json(*s.transport);
  if (s.liveness_interval_s) out["livenessInterval"] = *s.liveness_interval_s;
  return out;
}

Result<CategoryRef> category_from_json(const json& object, const std::string& path) {
  Reader in(object, path);
  CategoryRef out{in.text("href", true), in.text("id", true), in.text("name", true),
                  in.text("version", true)};
  return in.result(std::move(out));
}

Result<TransportInfo> transport_from_json(const json& object, const std::string& path) {
  Reader in(object, path);
  TransportInfo out;
  out.id = in.text("id", true);
  out.name = in.text("name", true);
  out.description = in.text("description", false);
  out.type = in.word<TransportType>("type", parse_transport_type, std::nullopt);
  out.protocol = in.text("protocol", true);
  out.version = in.text("version", true);
  out.endpoint = in.part("endpoint", true, endpoint_from_json).value_or(EndPointInfo{});
  if (const auto* security = in.find("security", true); security != nullptr) {
    if (!security->is_object()) in.problem("security", "must be an object");
    if (security->is_object()) out.security = PackedJson(normalised_security(*security));
  }
  out.impl_specific_info = in.object("implSpecificInfo");
  if (out.type == TransportType::kRestHttp && out.protocol != "HTTP") {
    in.problem("protocol", "is HTTP for a transport of type REST_HTTP");
  }
  return in.result(std::move(out));
}

Result<ServiceInfo> service_from_json(const json& object) {
  Reader in(object, {});
  ServiceInfo out;
  out.name = in.text("serName", true);
  out.category = in.part("serCategory", false, category_from_json);
  out.version = in.text("version", true);
  out.state = in.word<ServiceState>("state", parse_service_state, std::nullopt);
  out.transport_id = in.text("transportId", false);
  out.transport = in.part("transportInfo", false, transport_from_json);
  out.serializer = in.word<Serializer>("serializer", parse_serializer, std::nullopt);
  out.scope_of_locality = in.word("scopeOfLocality", parse_locality, {Locality::kMecHost});
  out.consumed_local_only = in.flag("consumedLocalOnly", true);
  out.is_local = in.flag("isLocal", true);
  constexpr uint64_t kDay = 86'400;
  if (const auto interval = in.number("livenessInterval", kDay, false)) {
    out.liveness_interval_s = static_cast<uint32_t>(*interval);
  }
  return in.result(std::move(out));
}

}  // namespace sluice::mep::registry
