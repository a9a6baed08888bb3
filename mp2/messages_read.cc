#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "mp2/messages.h"
#include "mp2/wire_words.h"
#include "traffic-rules/identifier.h"
#include "traffic-rules/json.h"
#include "traffic-rules/json_fields.h"
#include "traffic-rules/words.h"

namespace sluice::mp2 {
namespace {

using JsonElement = traffic_rules::BasicJsonElement<JsonNode>;
using JsonFields = traffic_rules::BasicJsonFields<JsonNode>;
using traffic_rules::JsonPath;
using traffic_rules::JsonProblem;
using traffic_rules::text_of;
using traffic_rules::type_name_of;

constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

uint64_t natural(JsonFields& fields, const char* member) {
  return static_cast<uint64_t>(fields.integer(member, 0, kLargest));
}

uint32_t small(JsonFields& fields, const char* member) {
  return static_cast<uint32_t>(fields.integer(member, 0, std::numeric_limits<uint32_t>::max()));
}

SetVersion read_version(JsonFields& fields) {
  return {fields.text("source"), natural(fields, "generation")};
}

Result<traffic_rules::TrafficRule> read_rule(const JsonNode& value, traffic_rules::TrafficRule*) {
  return traffic_rules::traffic_rule_from_json(value);
}
Result<traffic_rules::DnsRule> read_rule(const JsonNode& value, traffic_rules::DnsRule*) {
  return traffic_rules::dns_rule_from_json(value);
}
const std::string& id_of(const traffic_rules::TrafficRule& rule) { return rule.traffic_rule_id; }
const std::string& id_of(const traffic_rules::DnsRule& rule) { return rule.dns_rule_id; }
constexpr RuleKind kind_of(const traffic_rules::TrafficRule*) { return RuleKind::kTraffic; }
constexpr RuleKind kind_of(const traffic_rules::DnsRule*) { return RuleKind::kDns; }

// Keys of one kind of rule within one message: each at most once.
class UniqueKeys {
 public:
  void add(const std::string& key, const JsonPath& path, JsonProblem& problem) {
    if (!seen_.insert(key).second) problem.add(path, fmt::format("'{}' appears twice", key));
  }

 private:
  std::unordered_set<std::string> seen_;
};

// The entry, or a note in `unreadable` when only its flows are wrong.
std::optional<GuaranteeEntry> read_guarantee(const JsonElement& element, JsonProblem& problem,
                                             UniqueKeys& keys, std::vector<Rejection>& unreadable) {
  JsonFields fields(*element.value, element.path, problem);
  const auto rate = [&](const char* member) {
    return static_cast<uint64_t>(
        fields.optional_integer(member, 0, static_cast<int64_t>(GuaranteeEntry::kMaxBps))
            .value_or(0));
  };
  GuaranteeEntry entry{.key = fields.text("key"),
                       .order = natural(fields, "order"),
                       .uplink_bps = rate("uplink_bps"),
                       .downlink_bps = rate("downlink_bps"),
                       .app_instance_id = fields.text("app_instance_id"),
                       .flows = {}};
  keys.add(entry.key, fields.path_of("key"), problem);
  for (const auto& flow : fields.list("flows", traffic_rules::kMaxFilters)) {
    auto filter = traffic_rules::traffic_filter_from_json(*flow.value);
    if (!filter) {
      unreadable.push_back(
          {RuleKind::kGuarantee, entry.key, "flows: " + filter.error().to_string()});
      return std::nullopt;
    }
    entry.flows.push_back(std::move(*filter));
  }
  return entry;
}

// A platform that guarantees nothing need not say so.
std::vector<GuaranteeEntry> read_guarantees(JsonFields& fields, const char* member,
                                            JsonProblem& problem, UniqueKeys& keys,
                                            std::vector<Rejection>& unreadable) {
  std::vector<GuaranteeEntry> out;
  for (const auto& element : fields.list(member, kMaxEntries)) {
    if (auto entry = read_guarantee(element, problem, keys, unreadable)) {
      out.push_back(std::move(*entry));
    }
  }
  return out;
}

// The entry, or a note in `unreadable` when only its rule is wrong.
template <typename Entry>
std::optional<Entry> read_entry(const JsonElement& element, JsonProblem& problem, UniqueKeys& keys,
                                std::vector<Rejection>& unreadable) {
  JsonFields fields(*element.value, element.path, problem);
  Entry entry;
  entry.key = fields.text("key");
  entry.app_instance_id = fields.text("app_instance_id");
  entry.order = natural(fields, "order");
  const auto* value = fields.require("rule");
  keys.add(entry.key, fields.path_of("key"), problem);
  if (problem.found()) return std::nullopt;

  constexpr decltype(Entry::rule)* kRule = nullptr;
  auto rule = read_rule(*value, kRule);
  if (!rule) {
    unreadable.push_back({kind_of(kRule), entry.key, rule.error().to_string()});
    return std::nullopt;
  }
  if (entry.key != traffic_rules::rule_key(entry.app_instance_id, id_of(*rule))) {
    fields.fail("key", fmt::format("'{}' is not the key of this rule", entry.key));
  }
  entry.rule = std::move(*rule);
  return entry;
}

template <typename Entry>
std::vector<Entry> read_entries(JsonFields& fields, const char* member, JsonProblem& problem,
                                UniqueKeys& keys, std::vector<Rejection>& unreadable) {
  std::vector<Entry> out;
  fields.require(member);
  for (const auto& element : fields.list(member, kMaxEntries)) {
    if (auto entry = read_entry<Entry>(element, problem, keys, unreadable)) {
      out.push_back(std::move(*entry));
    }
  }
  return out;
}

std::vector<std::string> read_keys(JsonFields& fields, const char* member, JsonProblem& problem,
                                   UniqueKeys& keys) {
  std::vector<std::string> out;
  for (const auto& element : fields.list(member, kMaxEntries)) {
    if (const auto text = text_of(*element.value)) {
      out.emplace_back(*text);
      keys.add(out.back(), element.path, problem);
    } else {
      problem.add(element.path,
                  fmt::format("must be a string, is {}", type_name_of(*element.value)));
    }
  }
  return out;
}

template <typename Enum>
std::vector<Enum> read_words(JsonFields& fields, const char* member) {
  std::vector<Enum> out;
  for (const auto& element : fields.list(member, 64)) {
    // A word of a newer version is a feature that this one has no use for.
    for (const auto& entry : traffic_rules::words(Enum{})) {
      if (text_of(*element.value) == entry.word) out.push_back(entry.value);
    }
  }
  return out;
}

std::vector<RuleStatus> read_statuses(JsonFields& fields, const char* member,
                                      JsonProblem& problem) {
  std::vector<RuleStatus> out;
  for (const auto& element : fields.list(member, kMaxEntries)) {
    JsonFields status(*element.value, element.path, problem);
    RuleStatus s;
    s.key = status.text("key");
    s.state = status.choice("state",
                            std::span<const traffic_rules::Word<SteeringState>>(kSteeringStates));
    s.reason = status.text("reason");
    s.since_ms = natural(status, "since_ms");
    s.hits = natural(status, "hits");
    s.bytes = natural(status, "bytes");
    out.push_back(std::move(s));
  }
  return out;
}

constexpr size_t kMaxFilters = 64;

Hello read_hello(JsonFields& fields, JsonProblem& problem) {
  Hello m;
  fields.integer("version", kVersion, kVersion);
  m.instance_id = fields.text("instance_id");
  m.installed = read_version(fields);
  if (const auto* value = fields.require("features")) {
    JsonFields features(*value, "features", problem);
    m.features.actions = read_words<traffic_rules::Action>(features, "actions");
    m.features.destinations = read_words<traffic_rules::InterfaceType>(features, "destinations");
    m.features.max_rules = small(features, "max_rules");
    m.features.max_dns_rules = small(features, "max_dns_rules");
    for (const auto& element : features.list("filters", kMaxFilters)) {
      if (const auto text = text_of(*element.value)) m.features.filters.emplace_back(*text);
    }
  }
  return m;
}

Replace read_replace(JsonFields& fields, JsonProblem& problem) {
  Replace m;
  UniqueKeys rule_keys;
  UniqueKeys dns_keys;
  m.version = read_version(fields);
  m.rules = read_entries<RuleEntry>(fields, "rules", problem, rule_keys, m.unreadable);
  m.dns = read_entries<DnsEntry>(fields, "dns", problem, dns_keys, m.unreadable);
  UniqueKeys guarantee_keys;
  m.guarantees = read_guarantees(fields, "guarantees", problem, guarantee_keys, m.unreadable);
  return m;
}

Update read_update(JsonFields& fields, JsonProblem& problem) {
  Update m;
  UniqueKeys rule_keys;
  UniqueKeys dns_keys;
  m.version = read_version(fields);
  m.base_generation = natural(fields, "base_generation");
  fields.require("remove_rules");
  fields.require("remove_dns");
  m.remove_rules = read_keys(fields, "remove_rules", problem, rule_keys);
  m.remove_dns = read_keys(fields, "remove_dns", problem, dns_keys);
  m.upsert_rules =
      read_entries<RuleEntry>(fields, "upsert_rules", problem, rule_keys, m.unreadable);
  m.upsert_dns = read_entries<DnsEntry>(fields, "upsert_dns", problem, dns_keys, m.unreadable);
  UniqueKeys guarantee_keys;
  m.remove_guarantees = read_keys(fields, "remove_guarantees", problem, guarantee_keys);
  m.upsert_guarantees =
      read_guarantees(fields, "upsert_guarantees", problem, guarantee_keys, m.unreadable);
  for (const auto& [kind, key, reason] : m.unreadable) {
    (kind == RuleKind::kTraffic ? m.remove_rules
     : kind == RuleKind::kDns   ? m.remove_dns
                                : m.remove_guarantees)
        .push_back(key);
  }
  return m;
}

Applied read_applied(JsonFields& fields, JsonProblem& problem) {
  Applied m;
  m.generation = natural(fields, "generation");
  for (const auto& element : fields.list("rejected", 3 * kMaxEntries)) {
    JsonFields rejection(*element.value, element.path, problem);
    const auto kind =
        rejection.choice("kind", std::span<const traffic_rules::Word<RuleKind>>(kRuleKinds));
    m.rejected.push_back({kind, rejection.text("key"), rejection.text("reason")});
  }
  return m;
}

Refused read_refused(JsonFields& fields) {
  Refused m;
  m.generation = natural(fields, "generation");
  m.code = fields.choice("code", std::span<const traffic_rules::Word<RefusalCode>>(kRefusalCodes));
  m.reason = fields.text("reason");
  return m;
}

Status read_status(JsonFields& fields, JsonProblem& problem) {
  Status m;
  m.generation = natural(fields, "generation");
  m.rules = read_statuses(fields, "rules", problem);
  m.dns = read_statuses(fields, "dns", problem);
  m.guarantees = read_statuses(fields, "guarantees", problem);
  return m;
}

std::vector<IpPrefix> read_addresses(JsonFields& fields, JsonProblem& problem) {
  std::vector<IpPrefix> out;
  fields.require("addresses");
  for (const auto& element : fields.list("addresses", kMaxTagAddresses)) {
    const auto text = text_of(*element.value);
    const auto prefix =
        !text ? Result<IpPrefix>(fail(ErrorCode::kInvalidArgument, "must be a string"))
              : IpPrefix::parse(*text);
    if (prefix) {
      out.push_back(*prefix);
    } else {
      problem.add(element.path, prefix.error().message);
    }
  }
  return out;
}

Tags read_tags(JsonFields& fields, JsonProblem& problem) {
  Tags m;
  UniqueKeys names;
  m.source = fields.text("source");
  fields.require("tags");
  for (const auto& element : fields.list("tags", kMaxEntries)) {
    JsonFields entry(*element.value, element.path, problem);
    const auto tag = entry.text("tag");
    names.add(tag, entry.path_of("tag"), problem);
    m.tags.push_back({tag, read_addresses(entry, problem)});
    if (problem.found()) break;
  }
  return m;
}

Message read_message(const std::string& type, JsonFields& fields, JsonProblem& problem) {
  if (type == "hello") return read_hello(fields, problem);
  if (type == "replace") return read_replace(fields, problem);
  if (type == "update") return read_update(fields, problem);
  if (type == "applied") return read_applied(fields, problem);
  if (type == "refused") return read_refused(fields);
  if (type == "status") return read_status(fields, problem);
  if (type == "tags") return read_tags(fields, problem);
  fields.fail("type", fmt::format("'{}' is not a message", JsonFields::shortened(type)));
  return Hello{};
}

}  // namespace

Result<Message> decode(std::string_view line) {
  const auto document = JsonText::parse(line);
  if (!document) return fail(ErrorCode::kInvalidArgument, "the line is not JSON");
  JsonProblem problem;
  JsonFields fields(document->root(), "", problem);
  const auto type = fields.text("type");
  return problem.result(read_message(type, fields, problem));
}

}  // namespace sluice::mp2
