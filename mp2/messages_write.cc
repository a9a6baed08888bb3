#include <nlohmann/json.hpp>

#include "mp2/messages.h"
#include "mp2/wire_words.h"
#include "traffic-rules/json.h"

namespace sluice::mp2 {
namespace {

using nlohmann::json;

template <typename Entry>
json entries(const std::vector<Entry>& list) {
  auto out = json::array();
  for (const auto& entry : list) {
    out.push_back({{"key", entry.key},
                   {"app_instance_id", entry.app_instance_id},
                   {"order", entry.order},
                   {"rule", traffic_rules::to_json(entry.rule)}});
  }
  return out;
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
            {"max_dns_rules", m.features.max_dns_rules}}}};
}

json to_json(const Replace& m) {
  return {{"type", "replace"},
          {"source", m.version.source},
          {"generation", m.version.generation},
          {"rules", entries(m.rules)},
          {"dns", entries(m.dns)}};
}

json to_json(const Update& m) {
  return {{"type", "update"},
          {"source", m.version.source},
          {"base_generation", m.base_generation},
          {"generation", m.version.generation},
          {"upsert_rules", entries(m.upsert_rules)},
          {"remove_rules", m.remove_rules},
          {"upsert_dns", entries(m.upsert_dns)},
          {"remove_dns", m.remove_dns}};
}

json to_json(const Applied& m) {
  auto rejected = json::array();
  for (const auto& rejection : m.rejected) {
    rejected.push_back({{"key", rejection.key}, {"reason", rejection.reason}});
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
          {"dns", statuses(m.dns)}};
}

}  // namespace

const char* to_string(SteeringState state) { return word_of(kSteeringStates, state); }
const char* to_string(RefusalCode code) { return word_of(kRefusalCodes, code); }

std::string encode(const Message& message) {
  const auto value = std::visit([](const auto& m) { return to_json(m); }, message);
  // A reason may quote bytes of anything; a reply is worth more than their exact form.
  auto line = value.dump(-1, ' ', false, json::error_handler_t::replace);
  line.push_back('\n');
  return line;
}

}  // namespace sluice::mp2
