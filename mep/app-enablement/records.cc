#include "mep/app-enablement/records.h"

#include <array>

#include "traffic-rules/json_fields.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::JsonFields;
using traffic_rules::JsonProblem;

constexpr std::array kActions = {"STOPPING", "TERMINATING"};
constexpr std::array kResults = {"PENDING", "CONFIRMED", "TIMED_OUT", "UNANNOUNCED"};

template <typename Enum, size_t N>
std::optional<Enum> parse_word(const std::array<const char*, N>& words, std::string_view word) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

json termination_to_json(const Termination& t) {
  return {{"action", to_string(t.action)}, {"gracefulTimeoutS", t.graceful_timeout_s},
          {"requestedMs", t.requested_ms}, {"deadlineMs", t.deadline_ms},
          {"result", to_string(t.result)}, {"endedMs", t.ended_ms},
          {"notified", t.notified}};
}

Result<Termination> termination_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  Termination out;
  const auto action = parse_operation_action(fields.text("action"));
  const auto result = parse_word<TerminationResult>(kResults, fields.text("result"));
  if (!action) fields.fail("action", "is unknown");
  if (!result) fields.fail("result", "is unknown");
  out.action = action.value_or(OperationAction::kStopping);
  out.result = result.value_or(TerminationResult::kPending);
  out.graceful_timeout_s = static_cast<uint32_t>(fields.integer("gracefulTimeoutS", 0, UINT32_MAX));
  out.requested_ms = fields.integer("requestedMs", 0, INT64_MAX);
  out.deadline_ms = fields.integer("deadlineMs", 0, INT64_MAX);
  out.ended_ms = fields.integer("endedMs", 0, INT64_MAX);
  out.notified = static_cast<uint64_t>(fields.integer("notified", 0, INT64_MAX));
  return problem.result(out);
}

json registration_to_json(const Registration& r) {
  return {{"clientId", r.client_id}, {"info", r.info.unpack()}};
}

Result<Registration> registration_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  Registration out;
  out.client_id = fields.text("clientId");
  if (const auto* info = fields.require("info")) out.info = PackedJson(*info);
  return problem.result(std::move(out));
}

}  // namespace

const char* to_string(OperationAction action) { return kActions[static_cast<size_t>(action)]; }
std::optional<OperationAction> parse_operation_action(std::string_view word) {
  return parse_word<OperationAction>(kActions, word);
}
const char* to_string(TerminationResult result) { return kResults[static_cast<size_t>(result)]; }

AppSupportRecords AppSupportRecords::add_to(store::Schema& schema) {
  return {schema.add("termination", termination_to_json, termination_from_json),
          schema.add("registration", registration_to_json, registration_from_json)};
}

}  // namespace sluice::mep
