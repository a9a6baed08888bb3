// Services of the registry as CAPIF's service APIs (TS 29.222 §8.2.4.2.2 with the extensions of the
// CAPIF profile of MEC 011), and back.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mep/registry/records.h"

namespace sluice::mep::capif {

inline constexpr const char* kServiceInfo = "vendorSpecific-urn:etsi:mec:capifext:service-info";
inline constexpr const char* kTransportInfo = "vendorSpecific-urn:etsi:mec:capifext:transport-info";

//   ServiceAPIDescription                     ServiceInfo
//   apiName, apiId                            serName, serInstanceId
//   aefProfiles[0].versions[0].apiVersion     version
//   aefProfiles[0]: aefId, protocol           transportInfo: id, protocol and version
//     domainName | interfaceDescriptions        endpoint: fqdn | addresses
//     …:transport-info                          everything else, and an endpoint of another form
//   …:service-info                            state, serializer, locality, category

// The ServiceAPIDescription of a service. What was published by CAPIF is shown as it was given,
// with what has changed since by MEC 011. `transport` is what consumers use.
nlohmann::json describe(const std::string& id, const registry::ServiceRecord& record,
                        const registry::TransportInfo& transport);

// The service that a ServiceAPIDescription, which its OpenAPI schema admits, describes; without its
// owner. kInvalidArgument names the member.
Result<registry::ServiceRecord> read_description(const nlohmann::json& description);

}  // namespace sluice::mep::capif
