#include <algorithm>
#include <cctype>
#include <charconv>

#include "traffic-rules/identifier.h"
#include "traffic-rules/json.h"
#include "traffic-rules/json_fields.h"
#include "traffic-rules/protocol.h"
#include "traffic-rules/words.h"

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

// Longer texts cannot be an address, a range, a port or a protocol, and are not worth quoting.
constexpr size_t kMaxValueLength = 128;
constexpr size_t kMaxDnn = 100;  // TS 23.003 §9.1
constexpr size_t kSdDigits = 6;  // TS 29.571 §5.4.4.2

template <typename Json, typename T>
std::optional<Spelled<T>> spelled(const Json& value, const JsonPath& path,
                                  Result<T> (*parse)(std::string_view), JsonProblem& problem) {
  const auto text = text_of(value);
  if (!text) {
    problem.add(path, fmt::format("must be a string, is {}", type_name_of(value)));
    return std::nullopt;
  }
  if (text->size() > kMaxValueLength) {
    problem.add(path, fmt::format("is longer than {} characters", kMaxValueLength));
    return std::nullopt;
  }
  auto parsed = parse(*text);
  if (!parsed) {
    problem.add(path, parsed.error().message);
    return std::nullopt;
  }
  return Spelled<T>{std::move(*parsed), std::string(*text)};
}

bool is_filled_object(const json& value) { return value.is_object() && !value.empty(); }
bool is_filled_object(const JsonNode& value) {
  return value.kind() == JsonNode::Kind::kObject && value.size() > 0;
}
bool is_list(const json& value) { return value.is_array(); }
bool is_list(const JsonNode& value) { return value.kind() == JsonNode::Kind::kArray; }

// A list of a filter. An empty one is the same as none: the standard's cardinality is 0..N.
template <typename Json, typename T>
std::vector<Spelled<T>> spelled_list(BasicJsonFields<Json>& fields, const char* member,
                                     Result<T> (*parse)(std::string_view), JsonProblem& problem) {
  std::vector<Spelled<T>> out;
  for (const auto& element : fields.list(member, kMaxValues)) {
    if (auto value = spelled(*element.value, element.path, parse, problem)) {
      out.push_back(std::move(*value));
    }
  }
  return out;
}

template <typename Json, typename T>
std::optional<Spelled<T>> spelled_member(BasicJsonFields<Json>& fields, const char* member,
                                         Result<T> (*parse)(std::string_view),
                                         JsonProblem& problem) {
  const auto* value = fields.find(member);
  if (value == nullptr) return std::nullopt;
  return spelled(*value, fields.path_of(member), parse, problem);
}

Result<std::string> parse_tag(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "must not be empty");
  return std::string(text);
}

template <typename Json>
std::optional<uint8_t> small_integer(BasicJsonFields<Json>& fields, const char* member,
                                     int64_t high) {
  const auto value = fields.optional_integer(member, 0, high);
  if (!value) return std::nullopt;
  return static_cast<uint8_t>(*value);
}

// "tag", which edition 2.1.1 calls "token".
template <typename Json>
std::vector<std::string> read_tags(BasicJsonFields<Json>& fields, JsonProblem& problem) {
  const auto tags = spelled_list(fields, "tag", parse_tag, problem);
  const auto tokens = spelled_list(fields, "token", parse_tag, problem);
  if (!tags.empty() && !tokens.empty()) {
    fields.fail("token", "is the older name of tag; give one of them");
  }
  std::vector<std::string> out;
  for (const auto& tag : tags.empty() ? tokens : tags) out.push_back(tag.value);
  return out;
}

bool has_family(const std::vector<Spelled<IpRange>>& list, bool v4) {
  return list.empty() || std::any_of(list.begin(), list.end(),
                                     [v4](const auto& r) { return r.value.is_v4() == v4; });
}

// Filters that no packet can match are mistakes, and are told apart from those that match little.
template <typename Json>
void refuse_contradictions(const TrafficFilter& filter, BasicJsonFields<Json>& fields) {
  if (filter.dscp && filter.tc) {
    fields.fail("tC", "is of IPv6 packets and dSCP of IPv4 packets; use a filter for each");
  }
  const bool v4 = has_family(filter.src_address, true) && has_family(filter.dst_address, true);
  const bool v6 = has_family(filter.src_address, false) && has_family(filter.dst_address, false);
  if (!v4 && !v6) fields.fail("dstAddress", "has no address of the family of srcAddress");
  if (filter.dscp && !v4) fields.fail("dSCP", "is of IPv4 packets, the addresses are IPv6");
  if (filter.tc && !v6) fields.fail("tC", "is of IPv6 packets, the addresses are IPv4");

  const bool any_with_ports =
      filter.protocol.empty() || std::any_of(filter.protocol.begin(), filter.protocol.end(),
                                             [](const auto& p) { return has_ports(p.value); });
  for (const auto& [member, list] :
       {std::pair{"srcPort", &filter.src_port}, std::pair{"dstPort", &filter.dst_port}}) {
    if (!list->empty() && !any_with_ports) {
      fields.fail(member, fmt::format("{} has no ports", filter.protocol.front().text));
    }
  }
}

template <typename Json>
TrafficFilter read_filter(const BasicJsonElement<Json>& element, JsonProblem& problem) {
  BasicJsonFields<Json> fields(*element.value, element.path, problem);
  TrafficFilter filter;
  filter.src_address = spelled_list(fields, "srcAddress", IpRange::parse, problem);
  filter.dst_address = spelled_list(fields, "dstAddress", IpRange::parse, problem);
  filter.src_port = spelled_list(fields, "srcPort", PortRange::parse, problem);
  filter.dst_port = spelled_list(fields, "dstPort", PortRange::parse, problem);
  filter.protocol = spelled_list(fields, "protocol", parse_protocol, problem);
  filter.tag = read_tags(fields, problem);
  filter.src_tunnel_address = spelled_list(fields, "srcTunnelAddress", IpRange::parse, problem);
  filter.tgt_tunnel_address = spelled_list(fields, "tgtTunnelAddress", IpRange::parse, problem);
  filter.src_tunnel_port = spelled_list(fields, "srcTunnelPort", PortRange::parse, problem);
  filter.dst_tunnel_port = spelled_list(fields, "dstTunnelPort", PortRange::parse, problem);
  filter.qci = small_integer(fields, "qCI", 255);
  filter.dscp = small_integer(fields, "dSCP", 63);
  filter.tc = small_integer(fields, "tC", 255);
  fields.refuse_unknown();

  if (filter == TrafficFilter{} && is_filled_object(*element.value)) {
    problem.add(element.path, "names members but no value; write {} to match every packet");
  }
  refuse_contradictions(filter, fields);
  return filter;
}

template <typename Json>
TunnelData read_tunnel_data(const Json& value, const JsonPath& path, TunnelType type,
                            JsonProblem& problem) {
  BasicJsonFields<Json> fields(value, path, problem);
  TunnelData data;
  if (type == TunnelType::kGtpU) {
    if (const auto teid = fields.optional_integer("teid", 1, UINT32_MAX)) {
      data.teid = static_cast<uint32_t>(*teid);
    }
    data.qfi = small_integer(fields, "qfi", 63);
  } else if (const auto key = fields.optional_integer("key", 0, UINT32_MAX)) {
    data.key = static_cast<uint32_t>(*key);
  }
  fields.refuse_unknown();
  return data;
}

template <typename Json>
TunnelInfo read_tunnel(const Json& value, const JsonPath& path, JsonProblem& problem) {
  BasicJsonFields<Json> fields(value, path, problem);
  TunnelInfo tunnel;
  tunnel.tunnel_type = fields.choice("tunnelType", words(TunnelType{}));
  auto destination = spelled_member(fields, "tunnelDstAddress", IpAddress::parse, problem);
  if (!destination) fields.fail("tunnelDstAddress", "is required to send into the tunnel");
  tunnel.tunnel_dst_address = std::move(destination).value_or(Spelled<IpAddress>{});
  tunnel.tunnel_src_address = spelled_member(fields, "tunnelSrcAddress", IpAddress::parse, problem);
  if (tunnel.tunnel_src_address &&
      tunnel.tunnel_src_address->value.is_v4() != tunnel.tunnel_dst_address.value.is_v4()) {
    fields.fail("tunnelSrcAddress", "is not of the family of tunnelDstAddress");
  }
  if (const auto* data = fields.find("tunnelSpecificData")) {
    tunnel.tunnel_specific_data =
        read_tunnel_data(*data, fields.path_of("tunnelSpecificData"), tunnel.tunnel_type, problem);
  }
  return tunnel;
}

template <typename Json>
DestinationInterface read_destination(const Json& value, const JsonPath& path,
                                      JsonProblem& problem) {
  BasicJsonFields<Json> fields(value, path, problem);
  DestinationInterface out;
  out.interface_type = fields.choice("interfaceType", words(InterfaceType{}));
  // Members of the other types are ignored, as generated clients send them along.
  switch (out.interface_type) {
    case InterfaceType::kIp:
      out.dst_ip_address = spelled_member(fields, "dstIpAddress", IpAddress::parse, problem);
      if (!out.dst_ip_address) fields.fail("dstIpAddress", "is required for interfaceType IP");
      break;
    case InterfaceType::kMac:
      out.src_mac_address = spelled_member(fields, "srcMacAddress", MacAddress::parse, problem);
      out.dst_mac_address = spelled_member(fields, "dstMacAddress", MacAddress::parse, problem);
      if (!out.dst_mac_address) fields.fail("dstMacAddress", "is required for interfaceType MAC");
      break;
    case InterfaceType::kTunnel:
      if (const auto* tunnel = fields.find("tunnelInfo")) {
        out.tunnel_info = read_tunnel(*tunnel, fields.path_of("tunnelInfo"), problem);
      } else {
        fields.fail("tunnelInfo", "is required for interfaceType TUNNEL");
      }
      break;
  }
  return out;
}

// MEC 011 §7.1.2.2: how many destinations an action takes. PASSTHROUGH leaves the packet on its
// normal path, so that its destination says nothing and may be left out.
struct DestinationCount {
  size_t least;
  size_t most;
  const char* text;
};

DestinationCount destination_count(Action action) {
  switch (action) {
    case Action::kDrop:
      return {0, 0, "DROP takes none"};
    case Action::kPassthrough:
      return {0, 1, "PASSTHROUGH takes at most one"};
    case Action::kForwardDecapsulated:
    case Action::kForwardEncapsulated:
      return {1, 1, "FORWARD_* needs exactly one"};
    case Action::kDuplicateDecapsulated:
    case Action::kDuplicateEncapsulated:
      break;
  }
  return {2, 2, "DUPLICATE_* needs exactly two"};
}

// One object or an array of them, as the editions differ.
template <typename Json>
void read_destinations(BasicJsonFields<Json>& fields, TrafficRule& rule, JsonProblem& problem) {
  const auto* value = fields.find("dstInterface");
  const JsonPath path = fields.path_of("dstInterface");
  rule.dst_interface_is_list = value != nullptr && is_list(*value);
  const size_t given = value == nullptr ? 0 : rule.dst_interface_is_list ? value->size() : 1;
  const auto allowed = destination_count(rule.action);
  if (given < allowed.least || given > allowed.most) {
    problem.add(path, fmt::format("{}, got {}", allowed.text, given));
    return;
  }
  if (rule.dst_interface_is_list) {
    for (const auto& element : fields.list("dstInterface", allowed.most)) {
      rule.dst_interface.push_back(read_destination(*element.value, element.path, problem));
    }
  } else if (value != nullptr) {
    rule.dst_interface.push_back(read_destination(*value, path, problem));
  }
}

template <typename Json>
std::optional<Snssai> read_snssai(BasicJsonFields<Json>& in, JsonProblem& problem) {
  const auto* value = in.find("sNssai");
  if (value == nullptr) return std::nullopt;
  BasicJsonFields<Json> fields(*value, in.path_of("sNssai"), problem);
  Snssai out{.sst = static_cast<uint8_t>(fields.integer("sst", 0, 255))};
  if (const auto sd = fields.optional_text("sd")) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(sd->data(), sd->data() + sd->size(), number, 16);
    if (sd->size() != kSdDigits || error != std::errc() || end != sd->data() + sd->size()) {
      fields.fail("sd", "must be six hexadecimal digits");
    }
    out.sd = number;
  }
  fields.refuse_unknown();
  return out;
}

// As in trafficFilter, what is misspelt would widen the rule.
template <typename Json>
std::vector<NetworkScope> read_scope(BasicJsonFields<Json>& rule, JsonProblem& problem) {
  std::vector<NetworkScope> out;
  for (const auto& element : rule.list("scope", kMaxScopes)) {
    BasicJsonFields<Json> fields(*element.value, element.path, problem);
    NetworkScope scope{.dnn = fields.optional_text("dnn").value_or(std::string()),
                       .snssai = read_snssai(fields, problem)};
    const bool is_name = std::ranges::all_of(scope.dnn, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
    });
    if (!is_name || scope.dnn.size() > kMaxDnn) {
      fields.fail("dnn",
                  fmt::format("must be up to {} letters, digits or characters of -._", kMaxDnn));
    }
    fields.refuse_unknown();
    if (scope == NetworkScope{}) problem.add(element.path, "names neither dnn nor sNssai");
    out.push_back(std::move(scope));
  }
  return out;
}

template <typename Json>
std::string read_id(BasicJsonFields<Json>& fields, const char* member) {
  auto id = fields.text(member);
  if (auto valid = check_identifier(id); !valid) fields.fail(member, valid.error().message);
  return id;
}

template <typename Json>
Result<TrafficRule> read_traffic_rule(const Json& value, const JsonPath& path) {
  JsonProblem problem;
  BasicJsonFields<Json> fields(value, path, problem);
  TrafficRule rule;
  rule.traffic_rule_id = read_id(fields, "trafficRuleId");
  rule.filter_type = fields.choice("filterType", words(FilterType{}));
  rule.priority = static_cast<uint8_t>(fields.integer("priority", 0, 255));
  fields.require("trafficFilter");
  for (const auto& element : fields.list("trafficFilter", kMaxFilters)) {
    rule.traffic_filter.push_back(read_filter(element, problem));
  }
  if (rule.traffic_filter.empty()) {
    fields.fail("trafficFilter", "needs at least one filter; [{}] matches every packet");
  }
  rule.action = fields.choice("action", words(Action{}));
  read_destinations(fields, rule, problem);
  rule.scope = read_scope(fields, problem);
  rule.state = fields.choice("state", words(RuleState{}));
  return problem.result(std::move(rule));
}

template <typename Json>
Result<DnsRule> read_dns_rule(const Json& value, const JsonPath& path) {
  JsonProblem problem;
  BasicJsonFields<Json> fields(value, path, problem);
  DnsRule rule;
  rule.dns_rule_id = read_id(fields, "dnsRuleId");
  rule.domain_name.text = fields.text("domainName");
  if (auto name = DomainName::parse(rule.domain_name.text)) {
    rule.domain_name.value = std::move(*name);
  } else {
    fields.fail("domainName", name.error().message);
  }
  rule.ip_address_type = fields.choice("ipAddressType", words(IpAddressType{}));
  auto address = spelled_member(fields, "ipAddress", IpAddress::parse, problem);
  if (!address) fields.fail("ipAddress", "is required");
  rule.ip_address = std::move(address).value_or(Spelled<IpAddress>{});
  if (rule.ip_address.value.is_v4() != (rule.ip_address_type == IpAddressType::kIpV4)) {
    fields.fail("ipAddress", fmt::format("'{}' is not of ipAddressType {}", rule.ip_address.text,
                                         to_string(rule.ip_address_type)));
  }
  if (const auto ttl = fields.optional_integer("ttl", 0, kMaxTtlS)) {
    rule.ttl_s = static_cast<uint32_t>(*ttl);
  }
  rule.state = fields.choice("state", words(RuleState{}));
  return problem.result(std::move(rule));
}

template <typename Json>
Result<TrafficFilter> read_filter_alone(const Json& value, JsonPath path) {
  JsonProblem problem;
  return problem.result(read_filter<Json>({&value, std::move(path)}, problem));
}

}  // namespace

Result<TrafficFilter> traffic_filter_from_json(const json& json, const std::string& path) {
  return read_filter_alone(json, path);
}
Result<TrafficFilter> traffic_filter_from_json(const JsonNode& json) {
  return read_filter_alone(json, {});
}
Result<TrafficRule> traffic_rule_from_json(const json& json, const std::string& path) {
  return read_traffic_rule(json, path);
}
Result<TrafficRule> traffic_rule_from_json(const JsonNode& json) {
  return read_traffic_rule(json, {});
}
Result<DnsRule> dns_rule_from_json(const json& json, const std::string& path) {
  return read_dns_rule(json, path);
}
Result<DnsRule> dns_rule_from_json(const JsonNode& json) { return read_dns_rule(json, {}); }

}  // namespace sluice::traffic_rules
