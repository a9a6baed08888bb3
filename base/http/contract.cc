#include "base/http/contract.h"

#include <array>
#include <set>

#include "base/http/yaml_json.h"

namespace sluice::http {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<const char*, Method>, 5> kMethods = {{
    {"get", Method::kGet},
    {"post", Method::kPost},
    {"put", Method::kPut},
    {"patch", Method::kPatch},
    {"delete", Method::kDelete},
}};

// Reads operations out of a document whose shape is known to be that of an OpenAPI document;
// what does not fit is an Error naming the place.
class Reader {
 public:
  explicit Reader(const Json& document)
      : document_(document), components_(document.value("components", Json::object())) {}

  // The paths of all servers: that of the first, and other names for it.
  Result<std::vector<std::string>> base_paths() const;
  Result<std::vector<Operation>> operations() const;

 private:
  Result<const Json*> resolved(const Json& node) const;
  Result<Operation> operation(const Json& item, const Json& node, Operation start) const;
  Result<Parameter> parameter(const Json& node) const;
  Result<RequestBody> body(const Json& node) const;
  Result<void> security(const Json& node, Operation& out) const;
  Result<void> replies(const Json& node, Operation& out) const;

  const Json& document_;
  const Json components_;
};

Result<std::vector<std::string>> Reader::base_paths() const {
  std::vector<std::string> out;
  const auto servers = document_.value("servers", Json::array());
  for (size_t i = 0; i < servers.size(); ++i) {
    std::string url = servers[i].at("url").get<std::string>();
    if (const auto scheme = url.find("://"); scheme != std::string::npos) {
      const auto slash = url.find('/', scheme + 3);
      url = slash == std::string::npos ? std::string() : url.substr(slash);
    }
    while (url.ends_with('/')) url.pop_back();
    if (!url.empty() && !url.starts_with('/')) {
      return bad_field(fmt::format("servers[{}].url", i),
                       "must be a path or an absolute URL, got \"{}\"", url);
    }
    out.push_back(std::move(url));
  }
  if (out.empty()) out.emplace_back();
  return out;
}

Result<const Json*> Reader::resolved(const Json& node) const {
  const auto ref = node.find("$ref");
  if (ref == node.end()) return &node;
  const auto name = ref->get<std::string>();
  if (!name.starts_with("#/")) return bad_field(name, "only local references are supported");
  const Json::json_pointer target(name.substr(1));
  if (!document_.contains(target)) return bad_field(name, "does not exist");
  return &document_.at(target);
}

Result<Parameter> Reader::parameter(const Json& node) const {
  const auto at = resolved(node);
  if (!at) return std::unexpected(at.error());
  const Json& declared = **at;
  Parameter out;
  out.name = declared.at("name").get<std::string>();
  const auto in = declared.at("in").get<std::string>();
  if (in == "path") {
    out.in = Parameter::In::kPath;
  } else if (in == "query") {
    out.in = Parameter::In::kQuery;
  } else if (in == "header") {
    out.in = Parameter::In::kHeader;
  } else {
    return bad_field(out.name, "parameters in \"{}\" are not supported", in);
  }
  out.required = declared.value("required", false);
  const auto schema_at = resolved(declared.at("schema"));
  if (!schema_at) return std::unexpected(schema_at.error());
  out.is_array = (*schema_at)->value("type", Json()) == "array";
  auto schema = ParameterSchema::compile(
      out.is_array ? (*schema_at)->value("items", Json::object()) : declared.at("schema"),
      components_);
  if (!schema) return bad_field(out.name, "{}", schema.error().to_string());
  out.schema = std::move(*schema);
  return out;
}

Result<RequestBody> Reader::body(const Json& node) const {
  const auto at = resolved(node);
  if (!at) return std::unexpected(at.error());
  RequestBody out;
  out.required = (*at)->value("required", false);
  for (const auto& [type, media] : (*at)->at("content").items()) {
    out.media_types.push_back(type);
    if (!is_json_media_type(type)) continue;
    auto schema = Schema::compile(media.value("schema", Json::object()), components_);
    if (!schema) return std::unexpected(schema.error());
    out.schema = std::move(*schema);
  }
  return out;
}

Result<void> Reader::security(const Json& node, Operation& out) const {
  const Json requirements =
      node.contains("security") ? node.at("security") : document_.value("security", Json::array());
  if (requirements.empty()) return {};
  if (requirements.size() > 1) {
    return bad_field("security", "alternative requirements are not supported");
  }
  for (const auto& [scheme, scopes] : requirements[0].items()) {
    out.secured = true;
    for (const auto& scope : scopes) out.scopes.push_back(scope.get<std::string>());
  }
  return {};
}

Result<void> Reader::replies(const Json& node, Operation& out) const {
  std::set<std::string> types;
  for (const auto& [status, reply] : node.at("responses").items()) {
    if (!status.starts_with('2')) continue;
    const auto at = resolved(reply);
    if (!at) return std::unexpected(at.error());
    const auto content = (*at)->value("content", Json::object());
    for (const auto& media : content.items()) types.insert(media.key());
  }
  out.produces.assign(types.begin(), types.end());
  return {};
}

Result<Operation> Reader::operation(const Json& item, const Json& node, Operation start) const {
  Operation out = std::move(start);
  out.operation_id = node.at("operationId").get<std::string>();
  for (const Json* owner : {&item, &node}) {
    const auto declared = owner->value("parameters", Json::array());
    for (const auto& p : declared) {
      auto read = parameter(p);
      if (!read) return std::unexpected(read.error());
      // What the operation says replaces what the path says (OpenAPI 3.0.3, Operation Object).
      std::erase_if(out.parameters, [&](const Parameter& have) {
        return have.in == read->in && have.name == read->name;
      });
      out.parameters.push_back(std::move(*read));
    }
  }
  if (node.contains("requestBody")) {
    auto read = body(node.at("requestBody"));
    if (!read) return std::unexpected(read.error());
    out.body = std::move(*read);
  }
  if (auto r = security(node, out); !r) return std::unexpected(r.error());
  if (auto r = replies(node, out); !r) return std::unexpected(r.error());
  return out;
}

Result<std::vector<Operation>> Reader::operations() const {
  const auto bases = base_paths();
  if (!bases) return std::unexpected(bases.error());
  std::vector<Operation> out;
  for (const auto& [path, item] : document_.at("paths").items()) {
    for (const auto& [name, method] : kMethods) {
      if (!item.contains(name)) continue;
      Operation start;
      start.method = method;
      auto read = operation(item, item.at(name), std::move(start));
      if (!read) return bad_field(fmt::format("{} {}", name, path), "{}", read.error().to_string());
      for (const auto& base : *bases) {
        out.push_back(*read);
        out.back().path = base + path;
      }
    }
  }
  return out;
}

}  // namespace

bool is_json_media_type(std::string_view type) {
  return equal_ignoring_case(type, "application/json") || type.ends_with("+json");
}

Result<Contract> Contract::load(std::string name, std::string_view yaml) {
  const auto document = yaml_to_json(yaml);
  if (!document) return bad_field(name, "{}", document.error().message);
  Contract contract;
  contract.name_ = std::move(name);
  contract.text_ = yaml;
  try {
    const auto version = document->at("openapi").get<std::string>();
    if (!version.starts_with("3.0.") && !version.starts_with("3.1.")) {
      return bad_field(contract.name_, "OpenAPI {} is not supported", version);
    }
    contract.title_ = document->at("info").at("title").get<std::string>();
    contract.version_ = document->at("info").at("version").get<std::string>();
    const Reader reader(*document);
    const auto bases = reader.base_paths();
    if (!bases) return bad_field(contract.name_, "{}", bases.error().to_string());
    contract.base_path_ = bases->front();
    auto operations = reader.operations();
    if (!operations) return bad_field(contract.name_, "{}", operations.error().to_string());
    contract.operations_ = std::move(*operations);
  } catch (const Json::exception& e) {  // a member is absent or of another type
    return bad_field(contract.name_, "not an OpenAPI document: {}", e.what());
  }
  return contract;
}

}  // namespace sluice::http
