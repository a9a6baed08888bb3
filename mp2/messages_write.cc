#include <nlohmann/json.hpp>

#include "base/json_writer.h"
#include "mp2/messages.h"
#include "mp2/wire_words.h"
#include "traffic-rules/json.h"

namespace sluice::mp2 {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  // A reason may quote bytes of anything; a reply is worth more than their exact form.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// What entries of all kinds begin with.
template <typename Entry>
void begin(JsonWriter& writer, const Entry& entry) {
  writer.begin_object();
  writer.name("key");
  writer.value(entry.key);
  writer.name("app_instance_id");
  writer.value(entry.app_instance_id);
  writer.name("order");
  writer.value(entry.order);
}

template <typename Entry>
void write(std::string& out, const Entry& entry) {
  JsonWriter writer(out);
  begin(writer, entry);
  writer.name("rule");
  traffic_rules::append_json(entry.rule, out);
  writer.end_object();
}

void write(std::string& out, const GuaranteeEntry& entry) {
  JsonWriter writer(out);
  begin(writer, entry);
  writer.name("uplink_bps");
  writer.value(entry.uplink_bps);
  writer.name("downlink_bps");
  writer.value(entry.downlink_bps);
  writer.name("flows");
  writer.begin_array();
  for (const auto& flow : entry.flows) {
    if (&flow != &entry.flows.front()) out.push_back(',');
    traffic_rules::append_json(flow, out);
  }
  writer.end_array();
  writer.end_object();
}

// Appends `,"member":[...]`, as text: the tree of a whole rule set would cost ten times as much.
template <typename Entry>
void append_entries(std::string& out, const char* member, const std::vector<Entry>& list) {
  out += fmt::format(",\"{}\":[", member);
  for (const auto& entry : list) {
    if (&entry != &list.front()) out.push_back(',');
    write(out, entry);
  }
  out.push_back(']');
}

json statuses(const std::vector<RuleStatus>& list) {
  auto out = json::array();
  for (const auto& status : list) {
    out.push_back({{"key", status.key},
                   {"state", to_string(status.state)},
                   {"reason", status.reason},
                   {"since_ms", status.since_ms},
                   {"hits", status.hits},
                   {"bytes", status.bytes}});
  }
  return out;
}

template <typename Enum>
json words_of(const std::vector<Enum>& values) {
  auto out = json::array();
  for (const auto value : values) out.push_back(traffic_rules::to_string(value));
  return out;
}

json to_json(const Hello& m) {
  return {{"type", "hello"},
          {"version", kVersion},
          {"instance_id", m.instance_id},
          {"source", m.installed.source},
          {"generation", m.installed.generation},
          {"features",
           {{"actions", words_of(m.features.actions)},
            {"destinations", words_of(m.features.destinations)},
            {"max_rules", m.features.max_rules},
            {"max_dns_rules", m.features.max_dns_rules},
            {"filters", m.features.filters}}}};
}

json to_json(const Applied& m) {
  auto rejected = json::array();
  for (const auto& rejection : m.rejected) {
    rejected.push_back({{"kind", to_string(rejection.kind)},
                        {"key", rejection.key},
                        {"reason", rejection.reason}});
  }
  return {{"type", "applied"}, {"generation", m.generation}, {"rejected", std::move(rejected)}};
}

json to_json(const Refused& m) {
  return {{"type", "refused"},
          {"generation", m.generation},
          {"code", to_string(m.code)},
          {"reason", m.reason}};
}

json to_json(const Status& m) {
  return {{"type", "status"},
          {"generation", m.generation},
          {"rules", statuses(m.rules)},
          {"dns", statuses(m.dns)},
          {"guarantees", statuses(m.guarantees)}};
}

json to_json(const Tags& m) {
  auto tags = json::array();
  for (const auto& entry : m.tags) {
    auto addresses = json::array();
    for (const auto& prefix : entry.addresses) addresses.push_back(prefix.to_string());
    tags.push_back({{"tag", entry.tag}, {"addresses", std::move(addresses)}});
  }
  return {{"type", "tags"}, {"source", m.source}, {"tags", std::move(tags)}};
}

template <typename Small>
std::string object_text(const Small& m) {
  return text_of(to_json(m));
}

std::string object_text(const Replace& m) {
  auto out = text_of(
      {{"type", "replace"}, {"source", m.version.source}, {"generation", m.version.generation}});
  out.pop_back();  // the object goes on
  append_entries(out, "rules", m.rules);
  append_entries(out, "dns", m.dns);
  append_entries(out, "guarantees", m.guarantees);
  return out + "}";
}

std::string object_text(const Update& m) {
  auto out = text_of({{"type", "update"},
                      {"source", m.version.source},
                      {"base_generation", m.base_generation},
                      {"generation", m.version.generation},
                      {"remove_rules", m.remove_rules},
                      {"remove_dns", m.remove_dns},
                      {"remove_guarantees", m.remove_guarantees}});
  out.pop_back();
  append_entries(out, "upsert_rules", m.upsert_rules);
  append_entries(out, "upsert_dns", m.upsert_dns);
  append_entries(out, "upsert_guarantees", m.upsert_guarantees);
  return out + "}";
}

}  // namespace

const char* to_string(SteeringState state) { return word_of(kSteeringStates, state); }
const char* to_string(RefusalCode code) { return word_of(kRefusalCodes, code); }
const char* to_string(RuleKind kind) { return word_of(kRuleKinds, kind); }

std::string encode(const Message& message) {
  return std::visit([](const auto& m) { return object_text(m); }, message) + "\n";
}

}  // namespace sluice::mp2
