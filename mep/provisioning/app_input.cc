#include "mep/provisioning/app_input.h"

#include <set>

#include "mep/app-enablement/rule_kinds.h"
#include "traffic-rules/compile.h"
#include "traffic-rules/identifier.h"
#include "traffic-rules/json_fields.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
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
      return bad_field(fmt::format("{}.{}", element.path, Kind::kIdMember), "'{}' appears twice",
                       id_of(*rule));
    }
    out.push_back(std::move(*rule));
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

Result<AppInput> read_app_input(const std::string& id, const json& body) {
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
  input.traffic_rules = std::move(*traffic);
  input.dns_rules = std::move(*dns);
  return input;
}

}  // namespace sluice::mep
