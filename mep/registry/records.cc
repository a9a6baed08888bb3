#include "mep/registry/records.h"

namespace sluice::mep::registry {
namespace {

// Of the names of members, words, numbers and punctuation of one service.
constexpr size_t kFrame = 512;
constexpr size_t kListElement = 32;

size_t octets_of(const std::optional<std::vector<std::string>>& texts) {
  size_t out = 0;
  for (const auto& text : texts.value_or(std::vector<std::string>{})) {
    out += text.size() + kListElement;
  }
  return out;
}

size_t octets_of(const TransportInfo& t) {
  size_t out = t.id.size() + t.name.size() + t.description.size() + t.protocol.size() +
               t.version.size() + t.security.size() + t.impl_specific_info.size() +
               octets_of(t.endpoint.uris) + octets_of(t.endpoint.fqdn) +
               t.endpoint.alternative.size();
  for (const auto& at : t.endpoint.addresses.value_or(std::vector<HostPort>{})) {
    out += at.host.size() + kListElement;
  }
  return out;
}

}  // namespace

size_t octets_of(const ServiceRecord& record) {
  const auto& info = record.info;
  size_t out = kFrame + info.name.size() + info.version.size() + info.transport_id.size() +
               record.capif.size();
  if (info.category) {
    const auto& c = *info.category;
    out += c.href.size() + c.id.size() + c.name.size() + c.version.size();
  }
  if (info.transport) out += octets_of(*info.transport);
  return out;
}

nlohmann::json to_json(const ServiceRecord& record) {
  nlohmann::json out = {{"owner", record.owner},
                        {"info", to_json(record.info)},
                        {"proposedInterval", record.proposed_interval_s},
                        {"suspended", record.suspended},
                        {"beat", record.beat_ms}};
  if (!record.capif.is_null()) out["capif"] = record.capif.unpack();
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
    out.capif = PackedJson(json.value("capif", nlohmann::json()));
    return out;
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kInternal, "not a service record: {}", e.what());
  }
}

Records Records::add_to(store::Schema& schema) {
  return {schema.add<ServiceRecord>("service", to_json, record_from_json)};
}

}  // namespace sluice::mep::registry
