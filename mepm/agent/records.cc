#include "mepm/agent/records.h"

namespace sluice::mepm {
namespace {

using nlohmann::json;

json package_to_json(const PackageRecord& r) {
  auto images = json::array();
  for (const auto& image : r.images) {
    images.push_back({{"id", image.id}, {"path", image.path}, {"key", image.key}});
  }
  return {{"id", r.id},     {"sha256", r.sha256}, {"attempt", r.attempt},
          {"size", r.size}, {"appd", r.appd},     {"images", images}};
}

Result<PackageRecord> package_from_json(const json& value) {
  try {
    PackageRecord r;
    r.id = value.at("id").get<std::string>();
    r.sha256 = value.at("sha256").get<std::string>();
    r.attempt = value.at("attempt").get<uint64_t>();
    r.size = value.at("size").get<uint64_t>();
    r.appd = value.at("appd");
    for (const auto& image : value.at("images")) {
      r.images.push_back({image.at("id").get<std::string>(), image.at("path").get<std::string>(),
                          image.at("key").get<std::string>()});
    }
    return r;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored package cannot be read: {}", e.what());
  }
}

json instance_to_json(const InstanceRecord& r) {
  return {{"id", r.id},
          {"package", r.package},
          {"name", r.name},
          {"desired", to_string(r.desired)},
          {"revision", r.revision},
          {"gracefulTimeout", r.graceful_timeout_s},
          {"phase", to_string(r.phase)},
          {"since", r.since_ms},
          {"attempts", r.attempts},
          {"problem", r.problem},
          {"operation", r.operation},
          {"failed", r.failed},
          {"address", r.address},
          {"restarts", r.restarts},
          {"clientId", r.client_id},
          {"clientSecret", r.client_secret}};
}

Result<InstanceRecord> instance_from_json(const json& value) {
  try {
    InstanceRecord r;
    r.id = value.at("id").get<std::string>();
    r.package = value.at("package").get<std::string>();
    r.name = value.value("name", "");
    const auto desired = parse_desired(value.at("desired").get<std::string>());
    const auto phase = parse_phase(value.at("phase").get<std::string>());
    if (!desired || !phase) return fail(ErrorCode::kInternal, "of an unknown state");
    r.desired = *desired;
    r.phase = *phase;
    r.revision = value.at("revision").get<uint64_t>();
    r.graceful_timeout_s = value.value("gracefulTimeout", uint32_t{0});
    r.since_ms = value.value("since", int64_t{0});
    r.attempts = value.value("attempts", uint32_t{0});
    r.problem = value.value("problem", "");
    r.operation = value.value("operation", "");
    r.failed = value.value("failed", false);
    r.address = value.value("address", "");
    r.restarts = value.value("restarts", uint64_t{0});
    r.client_id = value.value("clientId", "");
    r.client_secret = value.value("clientSecret", "");
    return r;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored app instance cannot be read: {}", e.what());
  }
}

json operation_to_json(const OperationRecord& r) {
  return {{"id", r.id},
          {"instance", r.instance},
          {"operation", r.operation},
          {"state", r.state},
          {"revision", r.revision},
          {"started", r.started_ms},
          {"changed", r.changed_ms},
          {"detail", r.detail}};
}

Result<OperationRecord> operation_from_json(const json& value) {
  try {
    OperationRecord r;
    r.id = value.at("id").get<std::string>();
    r.instance = value.at("instance").get<std::string>();
    r.operation = value.at("operation").get<std::string>();
    r.state = value.at("state").get<std::string>();
    r.revision = value.at("revision").get<uint64_t>();
    r.started_ms = value.at("started").get<int64_t>();
    r.changed_ms = value.at("changed").get<int64_t>();
    r.detail = value.value("detail", "");
    return r;
  } catch (const json::exception& e) {
    return fail(ErrorCode::kInternal, "a stored operation cannot be read: {}", e.what());
  }
}

}  // namespace

AgentRecords AgentRecords::add_to(store::Schema& schema) {
  return {schema.add("app_package", package_to_json, package_from_json),
          schema.add("app_instance", instance_to_json, instance_from_json),
          schema.add("operation", operation_to_json, operation_from_json)};
}

}  // namespace sluice::mepm
