// The service registry's data model (MEC 011 §8.1): what an app says about a service that it
// offers.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/packed_json.h"

namespace sluice::mep::registry {

enum class ServiceState : uint8_t { kActive, kInactive, kSuspended };  // §8.1.6.4
enum class Serializer : uint8_t { kJson, kXml, kProtobuf3 };           // §8.1.6.3
enum class Locality : uint8_t { kMecSystem, kMecHost, kNfviPop, kZone, kZoneGroup, kNfviNode };
enum class TransportType : uint8_t {  // §8.1.6.2
  kRestHttp,
  kMbTopicBased,
  kMbRouting,
  kMbPubsub,
  kRpc,
  kRpcStreaming,
  kWebsocket
};

std::string_view to_string(ServiceState state);  // the words of the wire: "ACTIVE"
std::string_view to_string(Serializer serializer);
std::string_view to_string(Locality locality);
std::string_view to_string(TransportType type);
std::optional<ServiceState> parse_service_state(std::string_view word);
std::optional<Serializer> parse_serializer(std::string_view word);
std::optional<Locality> parse_locality(std::string_view word);
std::optional<TransportType> parse_transport_type(std::string_view word);

struct CategoryRef {  // §8.1.5.2
  std::string href;
  std::string id;
  std::string name;
  std::string version;
  bool operator==(const CategoryRef&) const = default;
};

struct HostPort {
  std::string host;
  uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// Exactly one of the four is there (§8.1.5.3).
struct EndPointInfo {
  std::optional<std::vector<std::string>> uris;
  std::optional<std::vector<std::string>> fqdn;
  std::optional<std::vector<HostPort>> addresses;
  PackedJson alternative;
  bool operator==(const EndPointInfo&) const = default;
};

struct TransportInfo {  // §8.1.2.3
  std::string id;
  std::string name;
  std::string description;
  TransportType type = TransportType::kRestHttp;
  std::string protocol;
  std::string version;
  EndPointInfo endpoint;
  PackedJson security;            // SecurityInfo, extensions included
  PackedJson impl_specific_info;  // null: absent
  bool operator==(const TransportInfo&) const = default;
};

struct ServiceInfo {  // §8.1.2.2, without what belongs to a reply only
  std::string name;
  std::optional<CategoryRef> category;
  std::string version;
  ServiceState state = ServiceState::kActive;
  std::string transport_id;  // of a transport of the platform; empty: `transport` is the app's own
  std::optional<TransportInfo> transport;  // none when the platform's is used
  Serializer serializer = Serializer::kJson;
  Locality scope_of_locality = Locality::kMecHost;
  bool consumed_local_only = true;
  bool is_local = true;
  // Seconds; absent: the app does not beat. 0 in a request: the platform may choose.
  std::optional<uint32_t> liveness_interval_s;
  bool operator==(const ServiceInfo&) const = default;
};

nlohmann::json to_json(const CategoryRef& category);
nlohmann::json to_json(const EndPointInfo& endpoint);
nlohmann::json to_json(const TransportInfo& transport);
// transportId appears where it is set, transportInfo where it is known.
nlohmann::json to_json(const ServiceInfo& service);

// They read what the OpenAPI schemas admit, so that what they still find wrong is what a schema
// cannot say; kInvalidArgument names the member below `path`.
Result<CategoryRef> category_from_json(const nlohmann::json& json, const std::string& path);
Result<TransportInfo> transport_from_json(const nlohmann::json& json, const std::string& path);
Result<ServiceInfo> service_from_json(const nlohmann::json& json);

}  // namespace sluice::mep::registry
