#include "mep/metering/usage_records.h"

#include <algorithm>

#include "base/store/schema.h"
#include "mep/timestamp.h"
#include "traffic-rules/json_fields.h"

namespace sluice::mep {
namespace {

using nlohmann::json;
using traffic_rules::JsonFields;
using traffic_rules::JsonProblem;

json record_to_json(const UsageRecord& record) {
  return {{"app", record.app_instance_id},
          {"operation", record.operation},
          {"status", record.status},
          {"calls", record.calls},
          {"requestBytes", record.request_bytes},
          {"responseBytes", record.response_bytes},
          {"firstMs", record.first_ms},
          {"lastMs", record.last_ms}};
}

uint64_t natural(JsonFields& fields, const char* member) {
  return static_cast<uint64_t>(fields.integer(member, 0, INT64_MAX));
}

UsageRecord read_record(JsonFields& fields) {
  UsageRecord out;
  out.app_instance_id = fields.text("app");
  out.operation = fields.text("operation");
  out.status = static_cast<int>(fields.integer("status", 100, 599));
  out.calls = natural(fields, "calls");
  out.request_bytes = natural(fields, "requestBytes");
  out.response_bytes = natural(fields, "responseBytes");
  out.first_ms = fields.integer("firstMs", 0, INT64_MAX);
  out.last_ms = fields.integer("lastMs", 0, INT64_MAX);
  return out;
}

Result<UsageRecord> record_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  return problem.result(read_record(fields));
}

json batch_to_json(const UsageBatch& batch) {
  auto records = json::array();
  for (const auto& record : batch.records) records.push_back(record_to_json(record));
  return {{"sequence", batch.sequence},
          {"fromMs", batch.from_ms},
          {"toMs", batch.to_ms},
          {"lostCalls", batch.lost_calls},
          {"records", std::move(records)}};
}

Result<UsageBatch> batch_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  UsageBatch out;
  out.sequence = natural(fields, "sequence");
  out.from_ms = fields.integer("fromMs", 0, INT64_MAX);
  out.to_ms = fields.integer("toMs", 0, INT64_MAX);
  out.lost_calls = natural(fields, "lostCalls");
  for (const auto& element : fields.list("records", SIZE_MAX)) {
    JsonFields record(*element.value, element.path, problem);
    out.records.push_back(read_record(record));
  }
  return problem.result(std::move(out));
}

json state_to_json(const UsageState& state) {
  return {{"nextSequence", state.next_sequence},
          {"openedMs", state.opened_ms},
          {"lostCalls", state.lost_calls},
          {"waitingRecords", state.waiting_records}};
}

Result<UsageState> state_from_json(const json& value) {
  JsonProblem problem;
  JsonFields fields(value, "", problem);
  UsageState out;
  out.next_sequence = natural(fields, "nextSequence");
  out.opened_ms = fields.integer("openedMs", 0, INT64_MAX);
  out.lost_calls = natural(fields, "lostCalls");
  out.waiting_records = natural(fields, "waitingRecords");
  return problem.result(std::move(out));
}

}  // namespace

std::string UsageRecord::key() const {
  return fmt::format("{}/{}/{}", app_instance_id, operation, status);
}

UsageRecord& UsageRecord::operator+=(const UsageRecord& other) {
  calls += other.calls;
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
  first_ms = std::min(first_ms, other.first_ms);
  last_ms = std::max(last_ms, other.last_ms);
  return *this;
}

UsageCollections UsageCollections::add_to(store::Schema& schema) {
  return {schema.add("usage_open", record_to_json, record_from_json),
          schema.add("usage_batch", batch_to_json, batch_from_json),
          schema.add("usage_state", state_to_json, state_from_json)};
}

std::string batch_id(uint64_t sequence) { return fmt::format("{:020}", sequence); }

json usage_batch_to_api(const UsageBatch& batch) {
  auto records = json::array();
  for (const auto& record : batch.records) {
    records.push_back({{"appInstanceId", record.app_instance_id},
                       {"operation", record.operation},
                       {"status", record.status},
                       {"calls", record.calls},
                       {"requestBytes", record.request_bytes},
                       {"responseBytes", record.response_bytes},
                       {"firstCall", timestamp(record.first_ms)},
                       {"lastCall", timestamp(record.last_ms)}});
  }
  return {{"sequence", batch.sequence},
          {"from", timestamp(batch.from_ms)},
          {"to", timestamp(batch.to_ms)},
          {"lostCalls", batch.lost_calls},
          {"records", std::move(records)}};
}

}  // namespace sluice::mep
