#include "mep/registry/registry.h"

#include <algorithm>
#include <map>

#include "base/uuid.h"

namespace sluice::mep::registry {
namespace {

int64_t unix_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

uint32_t LivenessRules::interval(uint32_t proposed_s) const {
  return std::clamp(proposed_s == 0 ? usual_s : proposed_s, shortest_s, longest_s);
}

const TransportInfo& Registry::transport_of(const ServiceRecord& record) const {
  if (record.info.transport) return *record.info.transport;
  const auto* transport = transports_.find(record.info.transport_id);
  // One that an earlier version of the platform provided: what it provides now.
  return transport != nullptr ? *transport : transports_.all().front();
}

// Checks the transport and determines the interval.
Result<void> Registry::settle(ServiceRecord& record) const {
  auto& info = record.info;
  if (info.transport_id.empty() == !info.transport) {
    return bad_field("transportInfo", "exactly one of transportId and transportInfo is needed");
  }
  if (!info.transport_id.empty() && transports_.find(info.transport_id) == nullptr) {
    return bad_field("transportId", "the platform provides no transport '{}'", info.transport_id);
  }
  if (const auto size = octets_of(record); size > limits_.service_bytes) {
    return fail(ErrorCode::kInvalidArgument, "the service has {} octets, {} at most are taken",
                size, limits_.service_bytes);
  }
  if (info.liveness_interval_s) {
    record.proposed_interval_s = *info.liveness_interval_s;
    info.liveness_interval_s = liveness_.interval(record.proposed_interval_s);
  }
  return {};
}

Result<void> Registry::check_count(const store::Transaction& change, std::string_view owner) const {
  const auto [own, all] = tally_.of(change.view(), owner);
  if (all.count >= limits_.services) {
    return fail(ErrorCode::kResourceExhausted, "the registry takes {} services at most",
                limits_.services);
  }
  if (own.count < limits_.services_of_app) return {};
  return fail(ErrorCode::kResourceExhausted, "an app instance may offer {} services at most",
              limits_.services_of_app);
}

// A service that does not grow is always taken: the limits may have been lowered.
Result<void> Registry::check_octets(const store::Transaction& change, std::string_view owner,
                                    size_t before, size_t after) const {
  if (after <= before) return {};
  const auto [own, all] = tally_.of(change.view(), owner);
  const size_t growth = after - before;
  if (own.octets + growth > limits_.bytes_of_app) {
    return fail(ErrorCode::kResourceExhausted,
                "the services of an app instance may have {} octets together, with this they have "
                "{}",
                limits_.bytes_of_app, own.octets + growth);
  }
  if (all.octets + growth <= limits_.bytes) return {};
  return fail(ErrorCode::kResourceExhausted,
              "the registry takes {} octets of services, with this they have {}", limits_.bytes,
              all.octets + growth);
}

Result<std::string> Registry::add(store::Transaction& change, ServiceRecord record) const {
  if (auto ok = settle(record); !ok) return std::unexpected(ok.error());
  if (auto ok = check_count(change, record.owner); !ok) return std::unexpected(ok.error());
  if (auto ok = check_octets(change, record.owner, 0, octets_of(record)); !ok) {
    return std::unexpected(ok.error());
  }
  record.beat_ms = unix_ms(change.now());
  auto id = new_uuid();
  put(change, id, std::move(record));
  return id;
}

Result<void> Registry::replace(store::Transaction& change, const std::string& id,
                               ServiceRecord record) const {
  const auto* stored = change.view().find(records_.services, id);
  if (stored == nullptr) return fail(ErrorCode::kNotFound, "no service '{}'", id);
  const auto& before = stored->value;
  auto& info = record.info;
  if (!info.transport && info.transport_id.empty()) {
    info.transport = before.info.transport;
    info.transport_id = before.info.transport_id;
  } else if (info.transport && before.info.transport_id == info.transport->id &&
             *info.transport == transport_of(before)) {  // as the platform showed it
    info.transport.reset();
    info.transport_id = before.info.transport_id;
  }
  if (auto ok = settle(record); !ok) return ok;
  if (!before.suspended && info == before.info && record.capif == before.capif &&
      record.proposed_interval_s == before.proposed_interval_s) {
    return {};
  }
  record.owner = before.owner;
  if (auto ok = check_octets(change, record.owner, octets_of(before), octets_of(record)); !ok) {
    return ok;
  }
  record.beat_ms = unix_ms(change.now());
  put(change, id, std::move(record));
  return {};
}

void Registry::update(store::Transaction& change,
                      std::vector<std::pair<std::string, ServiceRecord>> records) const {
  const auto all = change.view().of(records_.services);  // a copy: it keeps what is replaced
  std::vector<ServiceChange> told;
  for (auto& [id, record] : records) {
    change.put(records_.services, id, std::move(record));
    told.push_back({id, &all.find(id)->value, &change.view().find(records_.services, id)->value});
  }
  tell(change, told);
}

void Registry::put(store::Transaction& change, const std::string& id, ServiceRecord record) const {
  const auto* before = change.view().find(records_.services, id);
  change.put(records_.services, id, std::move(record));
  const ServiceChange told{id, before == nullptr ? nullptr : &before->value,
                           &change.view().find(records_.services, id)->value};
  tell(change, {&told, 1});
}

void Registry::remove(store::Transaction& change, const std::string& id) const {
  const auto* before = change.view().find(records_.services, id);
  if (before == nullptr) return;
  change.erase(records_.services, id);
  const ServiceChange told{id, &before->value, nullptr};
  tell(change, {&told, 1});
}

void Registry::remove_all_of(store::Transaction& change, std::string_view owner) const {
  const auto all = change.view().of(records_.services);  // a copy: it keeps what is removed
  std::vector<ServiceChange> told;
  for (const auto& [id, stored] : all) {
    if (stored.value.owner == owner) told.push_back({id, &stored.value, nullptr});
  }
  for (const auto& gone : told) change.erase(records_.services, gone.id);
  tell(change, told);
}

void Registry::offer(store::Transaction& change, const std::vector<ServiceInfo>& own) const {
  std::map<std::string, std::string> present;  // ids by name
  for (const auto& [id, stored] : change.view().of(records_.services)) {
    if (stored.value.owner == kPlatformOwner) present.emplace(stored.value.info.name, id);
  }
  for (const auto& info : own) {
    ServiceRecord record;
    record.info = info;
    record.beat_ms = unix_ms(change.now());
    const auto found = present.find(info.name);
    if (found == present.end()) {
      put(change, new_uuid(), std::move(record));
      continue;
    }
    const auto id = std::move(found->second);
    present.erase(found);
    const auto& before = change.view().find(records_.services, id)->value;
    if (before.info != info) put(change, id, std::move(record));
  }
  for (const auto& [name, id] : present) remove(change, id);
}

void Registry::tell(store::Transaction& change, std::span<const ServiceChange> changes) const {
  if (changes.empty()) return;
  for (const auto& observer : observers_) observer(change, changes);
}

}  // namespace sluice::mep::registry
