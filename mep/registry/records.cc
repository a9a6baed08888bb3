#include "mep/registry/records.h"

namespace sluice::mep::registry {

nlohmann::json to_json(const ServiceRecord& record) {
  nlohmann::json out = {{"owner", record.owner},
                        {"info", to_json(record.info)},
                        {"proposedInterval", record.proposed_interval_s},
                        {"suspended", record.suspended},
                        {"beat", record.beat_ms}};
  if (!record.capif.is_null()) out["capif"] = record.capif;
  return out;
}

Result<ServiceRecord> record_from_json(const nlohmann::json& json) {
  try {
    auto info = service_from_json(json.at("info"));
    if (!info) return std::unexpected(info.error());
    ServiceRecord out;
    out.owner = json.at("owner").get<std::string>();
    out.info = std::move(*info);
    out.proposed_interval_s = json.at("proposedInterval").get<uint32_t>();
    out.suspended = json.at("suspended").get<bool>();
    out.beat_ms = json.at("beat").get<int64_t>();
    out.capif = json.value("capif", nlohmann::json());
    return out;
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kInternal, "not a service record: {}", e.what());
  }
}

Records Records::add_to(store::Schema& schema) {
  return {schema.add<ServiceRecord>("service", to_json, record_from_json)};
}

}  // namespace sluice::mep::registry
