// What the registry remembers of a service.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/packed_json.h"
#include "base/store/schema.h"
#include "mep/registry/model.h"

namespace sluice::mep::registry {

// The owner of the services that the platform itself offers; no app instance has an empty id.
inline constexpr std::string_view kPlatformOwner;

struct ServiceRecord {
  std::string owner;  // app instance
  ServiceInfo info;   // as the owner last said; the interval is what the platform determined
  // The interval that the owner proposed, seconds: the bounds may change with the configuration.
  uint32_t proposed_interval_s = 0;
  bool suspended = false;  // its heartbeats stay away (§8.2.10); info.state is what it was before
  int64_t beat_ms = 0;     // Unix time of the last sign of life that was written down
  PackedJson capif;        // the ServiceAPIDescription that it was published with; null: by MEC 011

  // What others see. Only an active service is suspended: one that is switched off is not missed.
  ServiceState state() const {
    return suspended && info.state == ServiceState::kActive ? ServiceState::kSuspended : info.state;
  }
  bool beats() const { return info.liveness_interval_s.has_value(); }
};

// What the owner said of it, in octets: bounds are checked against it. Names of members and
// punctuation count as if all were there.
size_t octets_of(const ServiceRecord& record);

nlohmann::json to_json(const ServiceRecord& record);
Result<ServiceRecord> record_from_json(const nlohmann::json& json);

// What the registry keeps in the program's store.
struct Records {
  store::Collection<ServiceRecord> services;  // by serInstanceId

  static Records add_to(store::Schema& schema);
};

}  // namespace sluice::mep::registry
