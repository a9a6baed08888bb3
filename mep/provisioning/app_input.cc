#include "mep/provisioning/app_input.h"

#include <algorithm>
#include <set>

#include "mep/app-enablement/rule_kinds.h"
#include "traffic-rules/compile.h"
#include "traffic-rules/identifier.h"
#include "traffic-rules/json_fields.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::JsonElement;
using traffic_rules::JsonFields;
using traffic_rules::JsonProblem;

constexpr size_t kMaxRules = 1024;  // of one kind and instance
constexpr size_t kMaxNameLength = 128;

template <typename Kind>
Result<std::vector<typename Kind::Rule>> read_rules(JsonFields& fields, const char* member) {
  std::vector<typename Kind::Rule> out;
  std::set<std::string> ids;
  for (const auto& element : fields.list(member, kMaxRules)) {
    auto rule = Kind::parse(*element.value, element.path);
    if (!rule) return std::unexpected(rule.error());
    if (!ids.insert(id_of(*rule)).second) {
      return bad_field(fmt::format("{}.{}", element.path.to_string(), Kind::kIdMember),
                       "'{}' appears twice", id_of(*rule));
    }
    out.push_back(std::move(*rule));
  }
  return out;
}

Result<TrafficRuleFreedom> parse_freedom(const JsonElement& element, TrafficRules) {
  return traffic_rule_freedom_from_json(*element.value, element.path);
}
Result<DnsRuleFreedom> parse_freedom(const JsonElement& element, DnsRules) {
  return dns_rule_freedom_from_json(*element.value, element.path);
}

// By the id of a rule that is among `rules`.
template <typename Kind>
auto read_freedoms(JsonFields& fields, const char* member,
                   const std::vector<typename Kind::Rule>& rules)
    -> Result<std::map<std::string, Freedom<typename Kind::Rule>>> {
  std::map<std::string, Freedom<typename Kind::Rule>> out;
  for (const auto& element : fields.list(member, kMaxRules)) {
    JsonProblem problem;
    const auto id = JsonFields(*element.value, element.path, problem).text(Kind::kIdMember);
    const auto id_path = fmt::format("{}.{}", element.path.to_string(), Kind::kIdMember);
    const auto is_it = [&](const auto& rule) { return id_of(rule) == id; };
    if (std::ranges::none_of(rules, is_it)) {
      return bad_field(id_path, "there is no {} '{}' here", Kind::kNoun, JsonFields::shortened(id));
    }
    auto freedom = parse_freedom(element, Kind());
    if (!freedom) return std::unexpected(freedom.error());
    if (!out.emplace(id, std::move(*freedom)).second) {
      return bad_field(id_path, "'{}' appears twice", id);
    }
  }
  return out;
}

// What no user plane could install is better refused here, where somebody reads the answer.
Result<void> check_size(const std::vector<traffic_rules::TrafficRule>& rules) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto compiled = traffic_rules::compile(rules[i].traffic_rule_id, 0, rules[i]);
    if (compiled) continue;
    return std::unexpected(Error{ErrorCode::kUnsupported, compiled.error().message,
                                 fmt::format("trafficRules[{}].trafficFilter", i)});
  }
  return {};
}

}  // namespace

Result<AppInput> read_app_input(const std::string& id, const json& body, const AppApis& apis) {
  if (auto valid = traffic_rules::check_identifier(id); !valid) {
    return bad_field("appInstanceId", "{}", valid.error().message);
  }
  JsonProblem problem;
  JsonFields fields(body, "", problem);
  AppInput input;
  if (fields.optional_text("appInstanceId").value_or(id) != id) {
    fields.fail("appInstanceId", fmt::format("is not the id in the path, '{}'", id));
  }
  input.name = fields.text("appName");
  if (input.name.empty() || input.name.size() > kMaxNameLength) {
    fields.fail("appName", fmt::format("must have 1 to {} characters", kMaxNameLength));
  }
  auto traffic = read_rules<TrafficRules>(fields, "trafficRules");
  auto dns = read_rules<DnsRules>(fields, "dnsRules");
  if (problem.found()) return problem.result(std::move(input));
  if (!traffic) return std::unexpected(traffic.error());
  if (!dns) return std::unexpected(dns.error());
  if (auto ok = check_size(*traffic); !ok) return std::unexpected(ok.error());
  auto traffic_freedoms = read_freedoms<TrafficRules>(fields, "trafficRuleFreedoms", *traffic);
  if (!traffic_freedoms) return std::unexpected(traffic_freedoms.error());
  auto dns_freedoms = read_freedoms<DnsRules>(fields, "dnsRuleFreedoms", *dns);
  if (!dns_freedoms) return std::unexpected(dns_freedoms.error());
  input.traffic_rule_freedoms = std::move(*traffic_freedoms);
  input.dns_rule_freedoms = std::move(*dns_freedoms);
  input.apis = apis.usual();
  if (const auto* names = fields.find("apis")) {
    auto named = apis.read(*names, "apis");
    if (!named) return std::unexpected(named.error());
    input.apis = std::move(*named);
  }
  input.traffic_rules = std::move(*traffic);
  input.dns_rules = std::move(*dns);
  return input;
}

}  // namespace sluice::mep
